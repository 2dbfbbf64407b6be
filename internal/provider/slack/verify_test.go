package slack_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/slack"
)

// hookThatAnswers is an incoming webhook with one answer for everything.
func hookThatAnswers(t *testing.T, status int, text string, see func(body string)) channel.Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		see(string(body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	sender, err := slack.WebhookProvider(slack.Options{Network: loopback}).Open(t.Context(),
		channel.Channel{Secrets: map[string]string{"hook_url": server.URL + "/services/T0/B0/hidden"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

// TestVerifyAHook: it is there if it refuses a message with nothing in it, which nobody sees.
func TestVerifyAHook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		text   string
		works  bool
	}{
		{400, "no_text", true}, {400, "invalid_payload\n", true}, {400, "user_not_found", false}, {200, "ok", false},
		{403, "action_prohibited", false}, {404, "no_service", false}, {410, "channel_is_archived", false}, {500, "no_text", false},
	} {
		sender := hookThatAnswers(t, c.status, c.text, func(body string) {
			if body != "{}" {
				t.Errorf("posted %s", body)
			}
		})
		err := sender.(channel.Verifier).Verify(t.Context())
		if (err == nil) != c.works || err != nil && (strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%d %s: %v", c.status, c.text, err)
		}
	}
}

// TestGoneHooks lead nowhere any more, and that is said so that the channel is switched off.
func TestGoneHooks(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]string{404: channel.CodeGone, 410: channel.CodeGone, 403: "http_403"} {
		err := hookThatAnswers(t, status, "no_service", func(string) {}).Send(t.Context(), providertest.Message(channel.Slack, 1))
		if !fault.Is(err, fault.GiveUp) || fault.CodeOf(err) != code {
			t.Errorf("%d: %v", status, err)
		}
	}
}
