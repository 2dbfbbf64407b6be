package channel_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// asked is a sender whose verification does what the test wants.
type asked struct {
	channel.Sender
	verify func(context.Context) error
	from   func(string) error
	closed *int
}

func (s asked) Verify(ctx context.Context) error { return s.verify(ctx) }

func (s asked) VerifyFrom(_ context.Context, address string) error { return s.from(address) }

func (s asked) Close() error { *s.closed++; return nil }

// verifying is a registry of one provider that gives out the sender.
func verifying(s channel.Sender) *channel.Registry {
	return channel.NewRegistry(func(name string) string {
		return map[string]string{"RELAY_URL": "smtp://joe:hunter22@relay.example"}[name]
	},
		channel.Provider{Name: "relay", Kinds: []channel.Kind{channel.Email},
			Settings: []channel.Setting{{Name: "host"}, {Name: "url", Secret: true, Required: true, Env: "RELAY_URL"}},
			Open:     func(context.Context, channel.Channel) (channel.Sender, error) { return s, nil }})
}

// TestVerify closes what it opened, asks for the address once the rest is fine, and says what is wrong without a secret and
// without an address of the network.
func TestVerify(t *testing.T) {
	t.Parallel()
	fine := func(context.Context) error { return nil }
	says := func(text string) func(context.Context) error {
		return func(context.Context) error { return errors.New(text) }
	}
	for name, tc := range map[string]struct {
		verify func(context.Context) error
		from   string
		want   string
	}{
		"fine":       {fine, "desk@news.example", ""},
		"no address": {fine, "", ""},
		"unknown":    {fine, "other@news.example", "nobody knows it"},
		"secret":     {says("535 hunter22 is not the password of joe"), "", "535 [secret] is not the password of joe"},
		"own":        {says("token tok-en-99 and /hooks/T0/B0/deep-hidden"), "", "token [secret] and /hooks/T0/B0/[secret]"},
		"range": {says("prohibited IP address: 2002:7f00:1:: is not a permitted destination (denied by: 10.0.0.0/8, fc00::/7), :: neither."), "",
			"prohibited IP address: [address] is not a permitted destination (denied by: [address], [address]), [address] neither"},
		"network": {says("dial tcp 10.0.0.7:25: refused; dial tcp [fd00::1]:25: no (fd00::2) at 12:30."), "", "dial tcp [address]: refused; dial tcp [address]: no ([address]) at 12:30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := 0
			c := channel.Channel{Kind: channel.Email, Provider: "relay", Name: "mail"}
			if name == "own" {
				c.Secrets = map[string]string{"url": "https://h.example/hooks/T0/B0/deep-hidden tok-en-99"}
			}
			err := verifying(asked{verify: tc.verify, closed: &closed, from: func(address string) error {
				if address != "desk@news.example" {
					return errors.New("nobody knows it")
				}
				return nil
			}}).Verify(t.Context(), c, tc.from)
			if closed != 1 || (err == nil) != (tc.want == "") {
				t.Errorf("closed %d times: %v", closed, err)
			}
			if err != nil && (!fault.Is(err, fault.Conflict) || fault.CodeOf(err) != channel.CodeUnverified || !strings.HasSuffix(err.Error(), ": "+tc.want+".")) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestVerificationEnds after five seconds, whatever the provider does.
func TestVerificationEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, closed := time.Now(), 0
		err := verifying(asked{closed: &closed, verify: func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }}).
			Verify(t.Context(), channel.Channel{Kind: channel.Email, Provider: "relay"}, "")
		if took := time.Since(began); took != channel.VerifyTime || err == nil || !strings.Contains(err.Error(), "no answer within 5s") {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestProof is the same for what is the same to the provider, and another for everything that is not.
func TestProof(t *testing.T) {
	t.Parallel()
	r := verifying(nil)
	base := channel.Channel{Kind: channel.Email, Provider: "relay", Settings: map[string]string{"host": "a"}}
	proof := func(change func(*channel.Channel)) string {
		c := base
		c.Settings = map[string]string{"host": "a"}
		change(&c)
		return string(r.Proof(c))
	}
	first := proof(func(*channel.Channel) {})
	for name, same := range map[string]func(*channel.Channel){
		"name":       func(c *channel.Channel) { c.Name, c.Version, c.Enabled = "other", 7, true },
		"rate":       func(c *channel.Channel) { c.Settings["rate"], c.Settings["fallback"] = "5", "other" },
		"no secrets": func(c *channel.Channel) { c.Secrets = map[string]string{} },
	} {
		if proof(same) != first {
			t.Errorf("%s is another proof", name)
		}
	}
	for name, other := range map[string]func(*channel.Channel){
		"host":     func(c *channel.Channel) { c.Settings["host"] = "b" },
		"no host":  func(c *channel.Channel) { delete(c.Settings, "host") },
		"secret":   func(c *channel.Channel) { c.Secrets = map[string]string{"url": "smtp://other.example"} },
		"provider": func(c *channel.Channel) { c.Provider = "other" },
	} {
		if proof(other) == first {
			t.Errorf("%s is the same proof", name)
		}
	}
	if !strings.Contains(first, "hunter22") {
		t.Error("what the environment gives is not of it")
	}
}
