package channel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/credential"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// Channel is one configured outlet. For broadcast kinds it is also the recipient in the ledger.
type Channel struct {
	ID       int64
	UID      ident.UID
	Kind     Kind
	Provider string
	Name     string
	Enabled  bool
	Settings map[string]string
	// Secrets are stored sealed and never shown again.
	Secrets map[string]string
	// Unreadable says that there are secrets which cannot be opened with the keys at hand; Secrets are empty then.
	// Such a channel sends nothing until it is given others.
	Unreadable bool
	Version    int
	// Verified is a keyed hash of the Proof that a verification succeeded with last, at VerifiedAt; nil: none did. It says
	// something of this channel only if it still is the hash of its Proof.
	Verified   []byte
	VerifiedAt time.Time
	Health
}

// ErrUnreadable is why a channel whose secrets are Unreadable cannot be opened.
var ErrUnreadable = errors.New("the stored secrets cannot be opened with SECRET_KEY or a previous key")

// Setting is one setting a provider takes.
type Setting struct {
	Name     string
	Secret   bool
	Required bool
	// With names another setting, as secret as this one, that makes a pair with it: both are given or neither.
	With string
	// URL settings must be absolute http(s) URLs, or of the scheme that Schemes names. Those that are not secret
	// may not hold a password.
	URL     bool
	Schemes []string
	// Valid says what is wrong with a value, without quoting it; nil: nothing is.
	Valid func(value string) error
	// Real says why a value that is valid cannot be a real credential, without quoting it, as credential.Check does; nil:
	// nothing speaks against it. Production sends with none of these.
	Real func(value string) error
	// Env is the environment variable that gives the value where a channel has none of its own. Secrets come from the
	// channel or from the environment: to one that has some of its own none of the environment's are added.
	Env string
	// Doc is one line for the reference.
	Doc string
}

// Provider is a plug-in: a way to deliver one or more kinds.
type Provider struct {
	// Name as in a channel's "provider": "ses", "smtp", "slack", "slack-webhook", …
	Name     string
	Kinds    []Kind
	Settings []Setting
	// Rate is how fast a channel of this provider may send unless its settings say otherwise; zero: not known.
	Rate Rate
	// Open makes a Sender of a channel's configuration. It makes no network call.
	Open func(ctx context.Context, c Channel) (Sender, error)
}

// Registry is every provider of this build. It is filled once, by the wiring.
type Registry struct {
	byName map[string]Provider
	env    func(string) string
	// standIn opens in the place of a provider whose credentials are missing; nil: nothing does.
	standIn *Provider
}

// NewRegistry holds the given providers. A later one replaces an earlier of the same name. env looks up the
// variables that settings name; nil: none is set.
func NewRegistry(env func(string) string, providers ...Provider) *Registry {
	if env == nil {
		env = func(string) string { return "" }
	}
	r := &Registry{byName: make(map[string]Provider, len(providers)), env: env}
	for _, p := range providers {
		r.byName[p.Name] = p
	}
	return r
}

// Development lets a placeholder stand in for providers whose credentials are missing.
func (r *Registry) Development(standIn Provider) *Registry {
	r.byName[standIn.Name], r.standIn = standIn, &standIn
	return r
}

// Placeholder reports whether a channel only pretends to send: it is set up so, or its credentials are missing or
// placeholders themselves.
func (r *Registry) Placeholder(c Channel) bool {
	return r.standIn != nil && (c.Provider == r.standIn.Name || len(r.Missing(c)) > 0 || r.pretended(c))
}

// Missing names the credentials that neither the channel nor the environment gives: the required ones, and the other
// half of a pair. None is missing of
// those that are there and cannot be read: nothing may take their place.
func (r *Registry) Missing(c Channel) []string {
	if c.Unreadable {
		return nil
	}
	c = r.filled(c)
	var names []string
	for _, s := range r.byName[c.Provider].Settings {
		if s.Secret && c.Secrets[s.Name] == "" && (s.Required || s.halfIn(c.Secrets)) {
			names = append(names, s.Name)
		}
	}
	return names
}

// filled is the channel with what the environment gives where it has nothing of its own.
func (r *Registry) filled(c Channel) Channel {
	settings, secrets := maps.Clone(c.Settings), maps.Clone(c.Secrets)
	own := len(c.Secrets) > 0
	for _, s := range r.byName[c.Provider].Settings {
		into := &settings
		if s.Secret {
			into = &secrets
		}
		if s.Env == "" || s.Secret && own || (*into)[s.Name] != "" || r.env(s.Env) == "" {
			continue
		}
		if *into == nil {
			*into = make(map[string]string)
		}
		(*into)[s.Name] = r.env(s.Env)
	}
	c.Settings, c.Secrets = settings, secrets
	return c
}

// Names is every provider's name, sorted.
func (r *Registry) Names() []string {
	names := make([]string, 0, len(r.byName))
	for name := range r.byName {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Provider is the one with this name.
func (r *Registry) Provider(name string) (Provider, bool) {
	p, ok := r.byName[name]
	return p, ok
}

// Open makes a Sender of a channel.
func (r *Registry) Open(ctx context.Context, c Channel) (Sender, error) {
	p, ok := r.byName[c.Provider]
	if !ok {
		return nil, fmt.Errorf("open channel %s: no provider %q", c.Name, c.Provider)
	}
	if c.Unreadable {
		return nil, fmt.Errorf("open channel %s: %w", c.Name, ErrUnreadable)
	}
	missing := r.Missing(c)
	switch {
	case r.Placeholder(c):
		p = *r.standIn
	case len(missing) > 0:
		return nil, fmt.Errorf("open channel %s: credentials missing: %s", c.Name, strings.Join(missing, ", "))
	}
	sender, err := p.Open(ctx, r.filled(c))
	if err != nil {
		return nil, fmt.Errorf("open channel %s: %w", c.Name, err)
	}
	return sender, nil
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Check is nil if the channel can be stored, or an Invalid error with every problem. Missing credentials are none
// (see Missing), but half a pair is one.
func (r *Registry) Check(c Channel) error {
	var f fault.Fields
	if !namePattern.MatchString(c.Name) {
		f.Add("/name", "format", "must be 1 to 63 lower-case letters, digits, dots, hyphens or underscores")
	}
	p, ok := r.byName[c.Provider]
	if !ok {
		f.Add("/provider", "unknown_provider", "must be one of %s", strings.Join(r.Names(), ", "))
		if !slices.Contains(Kinds(), c.Kind) {
			f.Add("/kind", "unknown_channel", "must be one of %v", Kinds())
		}
		return f.Err()
	}
	if !p.serves(c.Kind) {
		f.Add("/kind", "unknown_channel", "provider %s serves %v", p.Name, p.Kinds)
	}
	if c.Unreadable && c.Enabled {
		f.Add("/secrets", "unreadable", "must be given anew: %s", ErrUnreadable)
	}
	c = r.filled(c)
	p.check(&f, "/settings/", c.Settings, false)
	p.check(&f, "/secrets/", c.Secrets, true)
	return f.Err()
}

func (p Provider) serves(kind Kind) bool {
	for _, k := range p.Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

func (p Provider) check(f *fault.Fields, prefix string, given map[string]string, secret bool) {
	known := make(map[string]bool)
	for _, s := range append(commonSettings(p.Kinds), p.Settings...) {
		if s.Secret != secret {
			continue
		}
		known[s.Name] = true
		value := given[s.Name]
		switch {
		case value == "" && s.Required && !secret:
			f.Add(prefix+s.Name, "required", "is required by provider %s", p.Name)
		case value == "" && s.halfIn(given):
			f.Add(prefix+s.Name, "required", "must be given together with %s", s.With)
		case secret && credential.Reference(value):
			f.Add(prefix+s.Name, "reference", "must be the secret itself: references are read from the environment of the processes only")
		case value != "" && len(value) > 2048:
			f.Add(prefix+s.Name, "too_long", "must be at most 2048 characters")
		case value != "":
			if err := s.check(value); err != nil {
				f.Add(prefix+s.Name, "format", "%s", err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] {
			f.Add(prefix+fault.Token(name), "unknown_field", "is not known to provider %s", p.Name)
		}
	}
}

// halfIn reports whether the other half of the setting's pair is there.
func (s Setting) halfIn(given map[string]string) bool { return s.With != "" && given[s.With] != "" }

// check says what is wrong with a value that is there.
func (s Setting) check(value string) error {
	if s.URL {
		if err := s.checkURL(value); err != nil {
			return err
		}
	}
	if s.Valid != nil {
		return s.Valid(value)
	}
	return nil
}

func (s Setting) checkURL(value string) error {
	schemes := s.Schemes
	if len(schemes) == 0 {
		schemes = []string{"http", "https"}
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return errors.New("must be an absolute URL")
	}
	if u.User != nil && !s.Secret {
		return errors.New("must be a URL without a user name and password: settings are shown to whoever reads the channel")
	}
	return nil
}
