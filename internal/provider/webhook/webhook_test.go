package webhook_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/webhook"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = attempt.Network{AllowPrivate: true}

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Provider: webhook.Provider(webhook.Options{Network: loopback}),
		Faults:   sandbox.ProviderWebhook,
		MaxWait:  2 * time.Second,
		Channel: func(s *sandbox.Sandbox) channel.Channel {
			return channel.Channel{
				Settings: map[string]string{"url": s.WebhookURL("crm/in")},
				Secrets:  map[string]string{"signing_secrets": s.WebhookSecret("crm/in")},
			}
		},
	})
}

const (
	newest = "whsec_bmV3ZXN0IHNlY3JldCBvZiBhbGw="
	older  = "whsec_b2xkZXIgc2VjcmV0IHRoYW4gdGhhdA=="
)

// receive delivers a message to a receiver of the test's own and returns the error.
func receive(t *testing.T, n attempt.Network, handler http.HandlerFunc) error {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	sender, err := webhook.Provider(webhook.Options{Network: n}).Open(t.Context(), channel.Channel{
		Settings: map[string]string{"url": server.URL + "/in?token=hidden"},
		Secrets:  map[string]string{"signing_secrets": newest + " " + older},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender.Send(t.Context(), providertest.Message(channel.Webhook, 7))
}

func TestEverySecretSigns(t *testing.T) {
	t.Parallel()
	err := receive(t, loopback, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for _, secret := range []string{newest, older} {
			verifier, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Error(err)
				return
			}
			if err := verifier.Verify(body, r.Header); err != nil {
				t.Errorf("%s: %v", secret, err)
			}
		}
		const id = "018f3a00-0000-7000-8000-000000000001/webhook/7"
		if r.Header.Get("Webhook-Id") != id || r.Header.Get(channel.DeliveryHeader) != id {
			t.Errorf("header %v", r.Header)
		}
		want := `{"type":"publication.published","timestamp":"2026-03-01T12:00:00Z","data":{` +
			`"id":"018f3a00-0000-7000-8000-000000000001","type":"digest","title":"Zwölf Dinge","text":"All of it, in plain text",` +
			`"url":"https://sender.example/p/1","published_at":"2026-03-01T12:00:00Z","items":[` +
			`{"id":"1","title":"One \u0026 \u003ctwo\u003e","summary":"A *summary* of it","url":"https://sender.example/1","topics":["go"]},` +
			`{"id":"2","title":"Two","text":"The second"}],"data":{"issue":7}}}`
		if string(body) != want {
			t.Errorf("body %s", body)
		}
		contract.VerifyEvent(t, "publication.published", body)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		after  string
		kind   fault.Kind
		code   string
	}{
		{410, "", fault.GiveUp, "gone"}, {302, "", fault.GiveUp, "http_302"}, {404, "", fault.GiveUp, "http_404"},
		{503, "3", fault.Wait, "http_503"}, {502, "", fault.Retry, "http_502"}, {429, "3", fault.Wait, "rate_limited"},
	} {
		err := receive(t, loopback, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.WriteHeader(c.status)
		})
		if !fault.Is(err, c.kind) || fault.CodeOf(err) != c.code || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%d: %v", c.status, err)
		}
	}
}

// TestSwitchedProtocols: who answers with 101 and says nothing more keeps neither a message nor a test waiting for ever.
func TestSwitchedProtocols(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(*testing.T, attempt.Network, http.HandlerFunc) error{"a message": receive, "a test": verify} {
		let, ended := make(chan net.Conn, 1), make(chan error, 1)
		go func() {
			ended <- send(t, loopback, providertest.Silence(t, let))
		}()
		conn := <-let
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("%s was accepted", name)
			}
		case <-time.After(15 * time.Second):
			t.Errorf("%s waits for ever", name)
			_ = conn.Close()
			<-ended
		}
		_ = conn.Close()
	}
}

func TestPrivateAddressesAreRefusedByDefault(t *testing.T) {
	t.Parallel()
	err := receive(t, attempt.Network{}, func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	if !fault.Is(err, fault.GiveUp) || fault.CodeOf(err) != "address_forbidden" {
		t.Error(err)
	}
}

func TestBadSecretIsNotStored(t *testing.T) {
	t.Parallel()
	r := channel.NewRegistry(nil, webhook.Provider(webhook.Options{}))
	for secrets, good := range map[string]bool{
		newest: true, newest + " " + older: true, "whsec_%hidden%": false, newest + " hidden!": false, "whsec_": false, " ": false,
	} {
		err := r.Check(channel.Channel{
			Name: "hook", Kind: channel.Webhook, Provider: webhook.Name,
			Settings: map[string]string{"url": "https://example.org"}, Secrets: map[string]string{"signing_secrets": secrets},
		})
		if (err == nil) != good || err != nil && (!fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%q: %v", secrets, err)
		}
	}
}

func TestBadSecretIsNotQuoted(t *testing.T) {
	t.Parallel()
	_, err := webhook.Provider(webhook.Options{}).Open(t.Context(), channel.Channel{
		Settings: map[string]string{"url": "https://example.org"}, Secrets: map[string]string{"signing_secrets": "whsec_%hidden%"},
	})
	if err == nil || strings.Contains(err.Error(), "%") {
		t.Error(err)
	}
}
