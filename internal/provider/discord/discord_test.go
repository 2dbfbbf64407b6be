package discord_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/discord"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = attempt.Network{AllowPrivate: true}

func TestProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Provider: discord.Provider(discord.Options{Network: loopback}),
		Faults:   sandbox.ProviderDiscord,
		MaxWait:  2 * time.Second,
		Channel: func(s *sandbox.Sandbox) channel.Channel {
			return channel.Channel{
				Settings: map[string]string{"channel_id": "123456789", "api_url": s.DiscordAPIURL()},
				Secrets:  map[string]string{"bot_token": "not-a-real-token"},
			}
		},
	})
}

func TestWebhookProvider(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Provider: discord.WebhookProvider(discord.Options{Network: loopback}),
		Faults:   sandbox.ProviderDiscord,
		MaxWait:  2 * time.Second,
		Channel: func(s *sandbox.Sandbox) channel.Channel {
			return channel.Channel{Secrets: map[string]string{"hook_url": s.DiscordHookURL("hidden")}}
		},
	})
}

// openBot opens a sender that posts to a sandbox.
func openBot(t *testing.T, s *sandbox.Sandbox) channel.Sender {
	t.Helper()
	sender, err := discord.Provider(discord.Options{Network: loopback}).Open(t.Context(), channel.Channel{
		Settings: map[string]string{"channel_id": "1", "api_url": s.DiscordAPIURL()},
		Secrets:  map[string]string{"bot_token": "not-a-real-token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

func start(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestRateLimit uses the limit up: the same sender then makes no request, another one is told by Discord.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := start(t)
	if err := s.Inject(sandbox.ProviderDiscord, sandbox.Fault{RatePerSecond: 0.01, Burst: 1}); err != nil {
		t.Fatal(err)
	}
	first, other := openBot(t, s), openBot(t, s)
	if err := first.Send(t.Context(), providertest.Message(channel.Discord, 1)); err != nil {
		t.Fatal(err)
	}
	for requests, sender := range []channel.Sender{first, other, other} {
		var told *fault.Error
		err := sender.Send(t.Context(), providertest.Message(channel.Discord, 2))
		if !errors.As(err, &told) || told.Kind != fault.Wait || told.After < time.Minute || told.After > 100*time.Second {
			t.Errorf("%v", err)
		}
		if n := s.Counts().Total().Requests; n != int64(min(requests, 1)+1) {
			t.Errorf("%d requests", n)
		}
	}
}

// TestNobodyWaitsForYears, whatever an answer asks for.
func TestNobodyWaitsForYears(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"message": "slow down", "retry_after": 1000000000, "global": true}`))
	}))
	t.Cleanup(server.Close)
	sender, err := discord.WebhookProvider(discord.Options{Network: loopback}).Open(t.Context(),
		channel.Channel{Secrets: map[string]string{"hook_url": server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	for range 2 {
		var told *fault.Error
		err := sender.Send(t.Context(), providertest.Message(channel.Discord, 1))
		if !errors.As(err, &told) || told.Kind != fault.Wait || told.After < 23*time.Hour || told.After > 24*time.Hour {
			t.Errorf("%v", err)
		}
	}
}

// TestNonce repeats a delivery within minutes: Discord makes one message of it.
func TestNonce(t *testing.T) {
	t.Parallel()
	s := start(t)
	sender := openBot(t, s)
	for range 3 {
		if err := sender.Send(t.Context(), providertest.Message(channel.Discord, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Counts().Total(); n.Received != 1 || n.Doubled != 0 || n.Requests != 3 {
		t.Errorf("%+v", n)
	}
}

func TestPostAsSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	if err := openBot(t, s).Send(t.Context(), providertest.Message(channel.Discord, 1)); err != nil {
		t.Fatal(err)
	}
	letter := s.Messages(sandbox.ChannelDiscord)[0].Read()
	if letter.Text != "Zwölf Dinge\nhttps://sender.example/p/1" || len(letter.Cards) != 2 ||
		letter.Cards[0].Title != "One & <two>" || letter.Cards[0].URL != "https://sender.example/1" ||
		letter.Cards[0].Text != "A *summary* of it" || letter.Cards[1].Text != "The second" {
		t.Errorf("%+v", letter)
	}
	if !strings.Contains(letter.Source, `"parse": []`) {
		t.Errorf("mentions are allowed: %s", letter.Source)
	}
}

func TestCustomPostAsSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	m := providertest.Message(channel.Discord, 1)
	m.Post.Custom, m.Post.Text = true, "**Ours:** [One](https://sender.example/1)"
	if err := openBot(t, s).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if letter := s.Messages(sandbox.ChannelDiscord)[0].Read(); letter.Text != m.Post.Text || len(letter.Cards) != 0 {
		t.Errorf("%+v", letter)
	}
}
