package sandbox

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// signed returns the headers of a delivery to the named receiver.
func signed(t *testing.T, secret, id, body string) http.Header {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	signature, err := signer.Sign(id, now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return header
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const body = `{"type":"publication.sent","data":{"n":1}}`
	header := signed(t, s.WebhookSecret("shop/orders"), "msg_1", body)
	for range 2 {
		if status, _, answer := call(t, http.MethodPost, s.WebhookURL("shop/orders"), header, body); status != http.StatusNoContent {
			t.Fatalf("status %d: %s", status, answer)
		}
	}
	header.Set(HeaderDelivery, "p1/webhook/5")
	call(t, http.MethodPost, s.WebhookURL("shop/orders"), header, body)
	counted(t, s, ChannelWebhook, ChannelCounts{Received: 2, Doubled: 1, Requests: 3})
	if s.Received("msg_1") != 2 || s.Received("p1/webhook/5") != 1 {
		t.Error("the identities were not told")
	}
	if m := s.Messages(ChannelWebhook)[0]; m.Subject() != "publication.sent" || m.To != "shop/orders" {
		t.Errorf("recorded %+v", m)
	}
}

func TestWebhookInvalid(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	header := signed(t, s.WebhookSecret("other"), "msg_1", "{}")
	for name, header := range map[string]http.Header{"wrong secret": header, "unsigned": nil} {
		if status, _, _ := call(t, http.MethodPost, s.WebhookURL("mine"), header, "{}"); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, status)
		}
	}
	counted(t, s, ChannelWebhook, ChannelCounts{Invalid: 2})
	if m := s.Messages(ChannelWebhook)[0]; m.Problem == "" {
		t.Errorf("recorded without its problem: %+v", m)
	}
}

func TestWebhookRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  Fault
		status int
	}{
		"throttled": {Fault{RatePerSecond: 1e-9, Burst: 1}, http.StatusTooManyRequests},
		"transient": {Fault{ErrorRatio: 1}, http.StatusInternalServerError},
		"permanent": {Fault{ErrorRatio: 1, ErrorKind: Permanent}, http.StatusGone},
		"outage":    {Fault{Outage: Unavailable}, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			inject(t, s, ProviderWebhook, test.fault)
			header := signed(t, s.WebhookSecret("x"), "1", "{}")
			status, _, _ := call(t, http.MethodPost, s.WebhookURL("x"), header, "{}")
			if test.status == http.StatusTooManyRequests {
				var answer http.Header
				status, answer, _ = call(t, http.MethodPost, s.WebhookURL("x"), header, "{}")
				if answer.Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
			}
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
		})
	}
}
