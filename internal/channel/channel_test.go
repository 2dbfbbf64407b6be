package channel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	// The numbers stand in the ledger: they never change.
	ids := map[Kind]int16{Email: 1, Newsletter: 2, Slack: 3, Discord: 4, Webhook: 5}
	if len(Kinds()) != len(ids) {
		t.Errorf("%d kinds, want %d", len(Kinds()), len(ids))
	}
	for _, k := range Kinds() {
		byID, err := KindOf(k.ID())
		if err != nil || byID != k || k.ID() != ids[k] {
			t.Errorf("%s has id %d, which is %s, %v", k, k.ID(), byID, err)
		}
		if byName, err := ParseKind(string(k)); err != nil || byName != k {
			t.Errorf("%s reads as %s, %v", k, byName, err)
		}
		if k.Personal() != (k == Email || k == Newsletter) {
			t.Errorf("%s is personal: %v", k, k.Personal())
		}
	}
	for _, id := range []int16{-1, 0, 6, 32767} {
		if k, err := KindOf(id); err == nil {
			t.Errorf("%d is %s", id, k)
		}
	}
	for _, name := range []string{"", "Email", "email ", "pigeon"} {
		if k, err := ParseKind(name); err == nil || Kind(name).ID() != 0 {
			t.Errorf("%q is %s with id %d", name, k, Kind(name).ID())
		}
	}
	list := Kinds()
	list[0] = "changed"
	if Kinds()[0] != Email {
		t.Error("the list of kinds can be changed")
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	if got := (Identity{Publication: "p", Kind: Slack, Recipient: 7}).String(); got != "p/slack/7" {
		t.Errorf("got %s", got)
	}
}

type nullSender struct{ Sender }

var errOpen = errors.New("no such host")

func even(value string) error {
	if len(value)%2 == 1 {
		return errors.New("must be even")
	}
	return nil
}

func registry() *Registry { return registryWith(nil) }

func registryWith(env func(string) string) *Registry {
	open := func(_ context.Context, c Channel) (Sender, error) {
		if c.Settings["host"] == "" {
			return nil, errOpen
		}
		return nullSender{}, nil
	}
	return NewRegistry(env,
		Provider{Name: "mail", Kinds: []Kind{Email}, Open: nil},
		Provider{Name: "hook", Kinds: []Kind{Webhook}, Open: open},
		Provider{Name: "mail", Kinds: []Kind{Email, Newsletter}, Open: open, Settings: []Setting{
			{Name: "host", Required: true}, {Name: "url", URL: true}, {Name: "server", URL: true, Schemes: []string{"smtp", "smtps"}},
			{Name: "relay", URL: true, Secret: true, Schemes: []string{"smtp"}}, {Name: "even", Secret: true, Valid: even},
			{Name: "password", Secret: true, Required: true, Env: "MAIL_PASSWORD"},
			{Name: "key", Secret: true, With: "key_secret"}, {Name: "key_secret", Secret: true, With: "key"},
		}},
	)
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	r := registry()
	if !slices.Equal(r.Names(), []string{"hook", "mail"}) {
		t.Errorf("names %v", r.Names())
	}
	if p, ok := r.Provider("mail"); !ok || len(p.Kinds) != 2 {
		t.Errorf("the later of two of a name: %v, %v", p, ok)
	}
	if _, ok := r.Provider("pigeon"); ok {
		t.Error("an unknown provider")
	}
	if s, err := r.Open(t.Context(), Channel{Name: "a", Provider: "mail", Settings: map[string]string{"host": "h"}, Secrets: map[string]string{"password": "p"}}); err != nil || s == nil {
		t.Errorf("open: %v, %v", s, err)
	}
	if s, err := r.Open(t.Context(), Channel{Name: "a", Provider: "mail", Secrets: map[string]string{"password": "p"}}); !errors.Is(err, errOpen) || s != nil || !strings.Contains(err.Error(), "channel a") {
		t.Errorf("open what fails: %v, %v", s, err)
	}
	if _, err := r.Open(t.Context(), Channel{Name: "a", Provider: "pigeon"}); err == nil || !strings.Contains(err.Error(), "pigeon") {
		t.Errorf("open an unknown provider: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := func() Channel {
		return Channel{Name: "main", Kind: Email, Provider: "mail",
			Settings: map[string]string{"host": "h", "url": "https://example.org/x", "server": "smtp://h:25"},
			Secrets:  map[string]string{"password": "p"}}
	}
	for name, tc := range map[string]struct {
		change func(*Channel)
		want   []string
	}{
		"good":               {func(*Channel) {}, nil},
		"longest name":       {func(c *Channel) { c.Name = strings.Repeat("a", 63) }, nil},
		"name too long":      {func(c *Channel) { c.Name = strings.Repeat("a", 64) }, []string{"/name format"}},
		"name in capitals":   {func(c *Channel) { c.Name = "Main" }, []string{"/name format"}},
		"line end in name":   {func(c *Channel) { c.Name = "main\n" }, []string{"/name format"}},
		"no name":            {func(c *Channel) { c.Name = "" }, []string{"/name format"}},
		"unknown provider":   {func(c *Channel) { c.Provider, c.Name = "pigeon", "" }, []string{"/name format", "/provider unknown_provider"}},
		"other kind":         {func(c *Channel) { c.Kind = Slack }, []string{"/kind unknown_channel"}},
		"no setting":         {func(c *Channel) { c.Settings, c.Secrets = nil, nil }, []string{"/settings/host required"}},
		"too long":           {func(c *Channel) { c.Settings["host"] = strings.Repeat("h", 2049) }, []string{"/settings/host too_long"}},
		"no URL":             {func(c *Channel) { c.Settings["url"] = "example.org" }, []string{"/settings/url format"}},
		"bad URL":            {func(c *Channel) { c.Settings["url"] = "http://[" }, []string{"/settings/url format"}},
		"other scheme":       {func(c *Channel) { c.Settings["url"], c.Settings["server"] = "ftp://h", "http://h" }, []string{"/settings/server format", "/settings/url format"}},
		"password in URL":    {func(c *Channel) { c.Settings["url"] = "https://u:p@example.org" }, []string{"/settings/url format"}},
		"secret URL":         {func(c *Channel) { c.Secrets["relay"] = "smtp://u:p@example.org" }, nil},
		"no secret URL":      {func(c *Channel) { c.Secrets["relay"] = "u:p@example.org" }, []string{"/secrets/relay format"}},
		"a reference":        {func(c *Channel) { c.Secrets["password"] = "vault://secret/presswork#password" }, []string{"/secrets/password reference"}},
		"own rule":           {func(c *Channel) { c.Secrets["even"] = "xxx" }, []string{"/secrets/even format"}},
		"unreadable":         {func(c *Channel) { c.Unreadable, c.Enabled = true, true }, []string{"/secrets unreadable"}},
		"unreadable and off": {func(c *Channel) { c.Unreadable = true }, nil},
		"a pair":             {func(c *Channel) { c.Secrets["key"], c.Secrets["key_secret"] = "k", "s" }, nil},
		"half a pair":        {func(c *Channel) { c.Secrets["key"] = "k" }, []string{"/secrets/key_secret required"}},
		"its other half":     {func(c *Channel) { c.Secrets["key_secret"] = "s" }, []string{"/secrets/key required"}},
		"own rule kept":      {func(c *Channel) { c.Secrets["even"] = "xx" }, nil},
		"odd names":          {func(c *Channel) { c.Settings["a/b~"] = "x" }, []string{"/settings/a~1b~0 unknown_field"}},
		"unknown setting":    {func(c *Channel) { c.Settings["hots"] = "x" }, []string{"/settings/hots unknown_field"}},
		"secret as setting":  {func(c *Channel) { c.Settings["password"] = "x" }, []string{"/settings/password unknown_field"}},
		"setting as secret":  {func(c *Channel) { c.Secrets["host"] = "x" }, []string{"/secrets/host unknown_field"}},
	} {
		c := good()
		tc.change(&c)
		err := registry().Check(c)
		var got []string
		var known *fault.Error
		if errors.As(err, &known) {
			for _, f := range known.Fields {
				got = append(got, f.Pointer+" "+f.Code)
			}
			slices.Sort(got)
		}
		if !slices.Equal(got, tc.want) || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want %v (%v)", name, got, tc.want, err)
		}
	}
}

func TestMissingCredentials(t *testing.T) {
	t.Parallel()
	c := Channel{Name: "a", Kind: Email, Provider: "mail", Settings: map[string]string{"host": "h"}}
	r := registry()
	if got := r.Missing(c); !slices.Equal(got, []string{"password"}) || r.Placeholder(c) {
		t.Errorf("missing %v", got)
	}
	if _, err := r.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "credentials missing: password") {
		t.Errorf("opened without credentials: %v", err)
	}
	half := c
	half.Secrets = map[string]string{"password": "p", "key_secret": "s"}
	if got := r.Missing(half); !slices.Equal(got, []string{"key"}) {
		t.Errorf("of half a pair %v is missing", got)
	}
	// Neither the environment nor a stand-in takes the place of secrets that cannot be read.
	lost := c
	lost.Unreadable = true
	given := registryWith(func(string) string { return "p" })
	if _, err := given.Open(t.Context(), lost); !errors.Is(err, ErrUnreadable) || given.Missing(lost) != nil {
		t.Errorf("opened with unreadable secrets: %v", err)
	}
	var opened Channel
	standIn := Provider{Name: "placeholder", Kinds: Kinds(), Open: func(_ context.Context, c Channel) (Sender, error) {
		opened = c
		return nullSender{}, nil
	}}
	if _, err := registry().Development(standIn).Open(t.Context(), lost); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a stand-in for unreadable secrets: %v", err)
	}
	if s, err := registry().Development(standIn).Open(t.Context(), c); err != nil || s == nil || opened.Name != "a" {
		t.Errorf("no stand-in: %v, %v", s, err)
	}
	env := registryWith(func(name string) string { return map[string]string{"MAIL_PASSWORD": "p"}[name] }).Development(standIn)
	if got := env.Missing(c); got != nil || env.Placeholder(c) || len(c.Secrets) != 0 {
		t.Errorf("with the environment: missing %v, channel %v", got, c.Secrets)
	}
	if !env.Placeholder(Channel{Provider: "placeholder"}) {
		t.Error("a placeholder is none")
	}
}
