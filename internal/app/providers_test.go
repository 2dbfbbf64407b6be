package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
)

// outlet stores a channel that is switched on and has no credentials.
func outlet(t *testing.T, c *config.Config, provider string) {
	t.Helper()
	a, err := Open(t.Context(), c, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	sealer, err := a.sealer()
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.db.Channels(sealer).CreateChannel(t.Context(), channel.Channel{Kind: channel.Slack, Provider: provider, Name: "chat", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMissingCredentials stop a worker in production, and nothing else; in development a placeholder stands in,
// and that can be seen.
func TestMissingCredentials(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]string{"slack-webhook": "channel chat:", "placeholder": "does not send"} {
		c := migrated(t)
		outlet(t, c, provider)
		dev, err := New(t.Context(), c, zap.NewNop(), API, Worker)
		if err != nil {
			t.Fatal(err)
		}
		if err := dev.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, text := get(t, dev.OpsURL+"/readyz"); status != http.StatusOK || !strings.Contains(text, `"placeholder_channels":1,"placeholder_names":["chat"]`) {
			t.Errorf("%s in development: %d %s", provider, status, text)
		}
		if body, err := dev.ready(t.Context(), false); err != nil || strings.Contains(fmt.Sprint(body), "chat") || !strings.Contains(fmt.Sprint(body), "placeholder_channels:1") {
			t.Errorf("%s, to who shows no key: %v, %v", provider, body, err)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		c.Environment = "production"
		if _, err := New(t.Context(), c, zap.NewNop(), Worker); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: a worker in production: %v", provider, err)
		}
		api, err := New(t.Context(), c, zap.NewNop(), API)
		if err != nil {
			t.Errorf("%s: the API in production: %v", provider, err)
			continue
		}
		if err := api.Start(t.Context()); err != nil {
			t.Error(err)
		}
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestWithRedisAway the process says that it is not ready, and what else there is to measure is measured.
func TestWithRedisAway(t *testing.T) {
	t.Parallel()
	a, err := New(t.Context(), migrated(t), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.queue.Close(); err != nil { // no call gets through any more
		t.Fatal(err)
	}
	if status, text := get(t, a.OpsURL+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, `"database":"ok"`) || !strings.Contains(text, `"redis":"unavailable"`) {
		t.Errorf("ready: %d %s", status, text)
	}
	if status, text := get(t, a.OpsURL+"/metrics"); status != http.StatusOK || !strings.Contains(text, "presswork_database_connections_max") || strings.Contains(text, "presswork_queue_tasks{") {
		t.Errorf("metrics: %d %s", status, text)
	}
	if _, err := (queueReader{a.queue}).QueueDepths([]string{"email"}); err == nil {
		t.Error("the depths of queues that cannot be read")
	}
	if err := a.Close(); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("the connection was closed twice: %v", err)
	}
}

func TestQueueDepths(t *testing.T) {
	t.Parallel()
	a, err := Open(t.Context(), migrated(t), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	if err := a.queue.SetCanary(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := a.queue.SetPaused(t.Context(), "email", true); err != nil {
		t.Fatal(err)
	}
	list, err := queueReader{a.queue}.QueueDepths([]string{"email", "slack"})
	if err != nil || len(list) != 2 || list[0].Name != "email" || !list[0].Paused || list[1].Paused || list[0].Pending != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	w := httptest.NewRecorder()
	a.Metrics.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if text := w.Body.String(); !strings.Contains(text, `presswork_queue_paused{queue="email"} 1`) {
		t.Errorf("metrics\n%s", text)
	}
}

func TestEngineIsObserved(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.DebugLevel)
	a, err := Open(t.Context(), migrated(t), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	a.logInsteadOfSending(t.Context(), channel.Channel{Name: "chat"}, &channel.Message{})
	if logs.FilterMessage("placeholder: not sent").Len() != 1 {
		t.Errorf("logged %v", logs.All())
	}
	for kind, want := range map[int16]int{channel.Email.ID(): 2, channel.Newsletter.ID(): 2, channel.Slack.ID(): broadcastConnections, 99: broadcastConnections} {
		if got := a.connections(kind); got != want {
			t.Errorf("kind %d has %d connections, want %d", kind, got, want)
		}
	}
	a.Config.PreviousKeys = []string{"an-older-secret-of-some-length-0123456789"}
	if n := len(a.previous()); n != 1 {
		t.Errorf("%d previous keys", n)
	}
	if err := a.engine().Close(t.Context()); err != nil {
		t.Error(err)
	}
}
