package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/webhook"
)

// verify asks an endpoint of the test's own.
func verify(t *testing.T, n attempt.Network, handler http.HandlerFunc) error {
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
	return sender.(channel.Verifier).Verify(t.Context())
}

// TestVerifyPostsASignedTest, which says what it is, names no delivery and has an id of its own each time.
func TestVerifyPostsASignedTest(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for range 2 {
		err := verify(t, loopback, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			verifier, invalid := standardwebhooks.NewWebhook(older)
			if err != nil || invalid != nil || verifier.Verify(body, r.Header) != nil {
				t.Errorf("not signed: %v, %v", err, invalid)
			}
			var event struct{ Type, Timestamp string }
			if err := json.Unmarshal(body, &event); err != nil || event.Type != webhook.TestType || event.Timestamp == "" {
				t.Errorf("posted %s, %v", body, err)
			}
			if r.Header.Get(channel.DeliveryHeader) != "" {
				t.Errorf("it is the delivery %s", r.Header.Get(channel.DeliveryHeader))
			}
			ids[r.Header.Get(standardwebhooks.HeaderWebhookID)] = true
			w.WriteHeader(http.StatusAccepted)
		})
		if err != nil {
			t.Error(err)
		}
	}
	if len(ids) != 2 {
		t.Errorf("ids %v", ids)
	}
}

// TestVerifyNeeds200 to 299, at an address that may be called.
func TestVerifyNeeds200(t *testing.T) {
	t.Parallel()
	for _, status := range []int{302, 401, 410, 429, 500} {
		if err := verify(t, loopback, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%d: %v", status, err)
		}
	}
	err := verify(t, attempt.Network{}, func(http.ResponseWriter, *http.Request) { t.Error("an address inside was called") })
	if err == nil || strings.Contains(err.Error(), "://") {
		t.Errorf("loopback: %v", err)
	}
}
