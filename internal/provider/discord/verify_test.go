package discord_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/discord"
	"github.com/presswork/presswork/internal/provider/providertest"
)

// TestVerifyAHook reads the webhook and posts nothing; one that Discord does not know is gone, for both.
func TestVerifyAHook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		works  bool
		code   string
	}{
		{200, `{"id":"1","type":1}`, true, ""},
		{404, `{"message":"Unknown Webhook","code":10015}`, false, channel.CodeGone},
		{401, `{"message":"Invalid Webhook Token","code":50027}`, false, "http_401"},
	} {
		var asked string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method + " " + r.URL.String()
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		t.Cleanup(server.Close)
		sender, err := discord.WebhookProvider(discord.Options{Network: loopback}).Open(t.Context(),
			channel.Channel{Secrets: map[string]string{"hook_url": server.URL + "/webhooks/1/hidden"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sender.Close() })
		err = sender.(channel.Verifier).Verify(t.Context())
		if (err == nil) != c.works || err != nil && strings.Contains(err.Error(), "hidden") || asked != "GET /webhooks/1/hidden" {
			t.Errorf("%d: %v after %s", c.status, err, asked)
		}
		if err := sender.Send(t.Context(), providertest.Message(channel.Discord, 1)); !c.works && (!fault.Is(err, fault.GiveUp) || fault.CodeOf(err) != c.code) {
			t.Errorf("%d: sent with %v", c.status, err)
		}
	}
}
