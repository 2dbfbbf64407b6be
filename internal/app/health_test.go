package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/telemetry"
)

// TestAlertsOfChannelsNameMetrics: what the alert rules and the documentation call a metric of channels is one.
func TestAlertsOfChannelsNameMetrics(t *testing.T) {
	t.Parallel()
	a := &App{Metrics: telemetry.NewMetrics(), Log: zap.NewNop()}
	if _, err := a.addHealth(nil); err != nil {
		t.Fatal(err)
	}
	shown := httptest.NewRecorder()
	a.Metrics.Handler().ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, page := range []string{"deploy/prometheus/channels.yaml", "docs/operations.md", "CHANGELOG.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`presswork_channels_\w+`).FindAllString(string(text), -1)
		if len(names) < 2 {
			t.Errorf("%s names %q", page, names)
		}
		for _, name := range names {
			if !strings.Contains(shown.Body.String(), "\n"+name+" 0") {
				t.Errorf("%s names %s, which is none", page, name)
			}
		}
	}
}

// TestWebhooksHaveAScheduleOfTheirOwn, which can be set; nothing else has.
func TestWebhooksHaveAScheduleOfTheirOwn(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"PRESSWORK_WEBHOOK_RETRIES=1s,2s"})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range channel.Kinds() {
		tries := func(a *App) int {
			n := 1
			for schedule := a.scheduleOf(kind.ID()); ; n++ {
				if _, again := schedule(n); !again {
					return n
				}
			}
		}
		unset, set := backoff.TransientAttempts, backoff.TransientAttempts
		if kind == channel.Webhook {
			unset, set = backoff.WebhookAttempts, 3
		}
		if n, m := tries(&App{Config: &config.Config{}}), tries(&App{Config: c}); n != unset || m != set {
			t.Errorf("%s is tried %d times, or %d", kind, n, m)
		}
	}
}
