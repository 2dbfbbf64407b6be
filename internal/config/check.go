package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/credential"
)

// problems is what is wrong with the settings, all of it.
type problems struct{ list []string }

func (p *problems) add(format string, args ...any) {
	p.list = append(p.list, fmt.Sprintf(format, args...))
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.Sort(p.list)
	return errors.New("settings: " + strings.Join(slices.Compact(p.list), "; "))
}

// unknown refuses PRESSWORK_ names that nothing reads: a typo is a setting that silently does not apply.
func (p *problems) unknown(vars map[string]string) {
	known := map[string]bool{}
	for _, name := range names() {
		known[name], known[name+"_FILE"] = true, true
	}
	for name := range vars {
		if strings.HasPrefix(name, "PRESSWORK_") && !strings.HasPrefix(name, "PRESSWORK_TEST_") && !known[name] {
			p.add("%s is not known", name)
		}
	}
}

func (p *problems) url(name, value string, schemes ...string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil {
		p.add("%s is not a URL", name) // the error would repeat a password
		return
	}
	if slices.Contains(schemes, u.Scheme) {
		if u.Host == "" && (u.Scheme == "http" || u.Scheme == "https") {
			p.add("%s names no host", name)
		}
		return
	}
	p.add("%s must begin with %s://", name, strings.Join(schemes, ":// or "))
}

// minAuditKept is also what the database holds the application to (migration 0024).
const minAuditKept = 90 * 24 * time.Hour

// MinSecret is the least length of a secret, in characters: 32 random characters are more than 128 bits.
const MinSecret = 32

func (p *problems) secret(name, value string, production bool) {
	if value == "" {
		return
	}
	if len(value) < MinSecret {
		p.add("%s must have at least %d characters", name, MinSecret)
	}
	if production && credential.Placeholder(value) {
		p.add("%s %v", name, credential.ErrPlaceholder)
	}
}
