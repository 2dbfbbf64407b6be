package channel

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"sort"
	"strings"

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
	Version int
}

// Setting is one setting a provider takes.
type Setting struct {
	Name     string
	Secret   bool
	Required bool
	// URL settings must be absolute http(s) URLs, or of the scheme that Schemes names.
	URL     bool
	Schemes []string
	// Env is the environment variable that gives the value where a channel has none of its own.
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

// Placeholder reports whether a channel only pretends to send: it is set up so, or its credentials are missing.
func (r *Registry) Placeholder(c Channel) bool {
	return r.standIn != nil && (c.Provider == r.standIn.Name || len(r.Missing(c)) > 0)
}

// Missing names the required credentials that neither the channel nor the environment gives.
func (r *Registry) Missing(c Channel) []string {
	c = r.filled(c)
	var names []string
	for _, s := range r.byName[c.Provider].Settings {
		if s.Secret && s.Required && c.Secrets[s.Name] == "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// filled is the channel with what the environment gives where it has nothing of its own.
func (r *Registry) filled(c Channel) Channel {
	settings, secrets := maps.Clone(c.Settings), maps.Clone(c.Secrets)
	for _, s := range r.byName[c.Provider].Settings {
		into := &settings
		if s.Secret {
			into = &secrets
		}
		if s.Env == "" || (*into)[s.Name] != "" || r.env(s.Env) == "" {
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

// Check is nil if the channel can be stored, or an Invalid error with every problem. Missing credentials are none:
// see Missing.
func (r *Registry) Check(c Channel) error {
	var f fault.Fields
	if !namePattern.MatchString(c.Name) {
		f.Add("/name", "format", "must be 1 to 63 lower-case letters, digits, dots, hyphens or underscores")
	}
	p, ok := r.byName[c.Provider]
	if !ok {
		f.Add("/provider", "unknown_provider", "must be one of %s", strings.Join(r.Names(), ", "))
		return f.Err()
	}
	if !p.serves(c.Kind) {
		f.Add("/kind", "unknown_channel", "provider %s serves %v", p.Name, p.Kinds)
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
	for _, s := range p.Settings {
		if s.Secret != secret {
			continue
		}
		known[s.Name] = true
		value := given[s.Name]
		switch {
		case value == "" && s.Required && !secret:
			f.Add(prefix+s.Name, "required", "is required by provider %s", p.Name)
		case value != "" && len(value) > 2048:
			f.Add(prefix+s.Name, "too_long", "must be at most 2048 characters")
		case value != "" && s.URL && !validURL(value, s.Schemes):
			f.Add(prefix+s.Name, "format", "must be an absolute URL")
		}
	}
	for name := range given {
		if !known[name] {
			f.Add(prefix+name, "unknown_field", "is not known to provider %s", p.Name)
		}
	}
}

func validURL(value string, schemes []string) bool {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return false
	}
	if len(schemes) == 0 {
		schemes = []string{"http", "https"}
	}
	for _, s := range schemes {
		if u.Scheme == s {
			return true
		}
	}
	return false
}
