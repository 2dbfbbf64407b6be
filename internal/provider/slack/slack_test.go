package slack_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/slack"
	"github.com/presswork/presswork/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = attempt.Network{AllowPrivate: true}

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Provider: slack.Provider(slack.Options{Network: loopback}),
		Faults:   sandbox.ProviderSlack,
		MaxWait:  2 * time.Second,
		Channel: func(s *sandbox.Sandbox) channel.Channel {
			return channel.Channel{
				Settings: map[string]string{"conversation": "C0NEWS", "api_url": s.SlackAPIURL()},
				Secrets:  map[string]string{"bot_token": "xoxb-not-a-real-token"},
			}
		},
	})
}

func TestWebhookProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Provider: slack.WebhookProvider(slack.Options{Network: loopback}),
		Faults:   sandbox.ProviderSlack,
		MaxWait:  2 * time.Second,
		Channel: func(s *sandbox.Sandbox) channel.Channel {
			return channel.Channel{Secrets: map[string]string{"hook_url": s.SlackHookURL("T0/B0/hidden")}}
		},
	})
}

// answer makes one attempt as a bot, which Slack answers with status and body.
func answer(t *testing.T, status int, body string) error {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	sender, err := slack.Provider(slack.Options{Network: loopback}).Open(t.Context(), channel.Channel{
		Settings: map[string]string{"conversation": "C1", "api_url": server.URL + "/"},
		Secrets:  map[string]string{"bot_token": "xoxb-not-a-real-token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender.Send(t.Context(), providertest.Message(channel.Slack, 1))
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]fault.Kind{
		"channel_not_found": fault.GiveUp, "not_in_channel": fault.GiveUp, "invalid_auth": fault.GiveUp, "is_archived": fault.GiveUp,
		"something_new": fault.GiveUp, "ratelimited": fault.Wait, "internal_error": fault.Uncertain, "fatal_error": fault.Uncertain,
	} {
		if err := answer(t, 200, `{"ok":false,"error":"`+name+`"}`); !fault.Is(err, want) {
			t.Errorf("%s: %v is %v", name, err, fault.KindOf(err))
		}
	}
	for body, want := range map[string]fault.Kind{
		`{"ok":false}`: fault.Uncertain, `{"ok":`: fault.Uncertain, `<html>`: fault.Uncertain,
	} {
		if err := answer(t, 200, body); !fault.Is(err, want) {
			t.Errorf("%s: %v is %v", body, err, fault.KindOf(err))
		}
	}
	if err := answer(t, 429, `{}`); !fault.Is(err, fault.Wait) {
		t.Errorf("429 without a time: %v", err)
	}
	if err := answer(t, 200, `{"ok":true,"ts":"1.2","channel":"C1"}`); err != nil {
		t.Error(err)
	}
}

// post sends a message through an incoming webhook, and returns what the sandbox shows of it.
func post(t *testing.T, m *channel.Message) sandbox.Letter {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	sender, err := slack.WebhookProvider(slack.Options{Network: loopback}).Open(t.Context(),
		channel.Channel{Secrets: map[string]string{"hook_url": s.SlackHookURL("a")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	if err := sender.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return s.Messages(sandbox.ChannelSlack)[0].Read()
}

func TestPostAsSent(t *testing.T) {
	t.Parallel()
	cards := post(t, providertest.Message(channel.Slack, 1)).Cards
	if len(cards) != 4 || cards[0].Title != "Zwölf Dinge" ||
		cards[1].Text != "*<https://sender.example/1|One &amp; &lt;two&gt;>*\nA *summary* of it" ||
		cards[2].Text != "*Two*\nThe second" || cards[3].Footer != "digest · <https://sender.example/p/1|View in browser>" {
		t.Errorf("cards %+v", cards)
	}
}

func TestCustomPostAsSent(t *testing.T) {
	t.Parallel()
	m := providertest.Message(channel.Slack, 1)
	m.Post.Custom, m.Post.Text = true, "*Ours:* <https://sender.example/1|One>\n"+strings.Repeat("so ", 1000)
	letter := post(t, m)
	if n := len(letter.Cards); n != 2 || !strings.HasPrefix(letter.Cards[0].Text, "*Ours:* <https://sender.example/1|One>\nso so") ||
		letter.Cards[0].Title+letter.Cards[1].Footer != "" || !strings.HasPrefix(letter.Text, "*Ours:*") {
		t.Errorf("%d cards: %+v", n, letter)
	}
}
