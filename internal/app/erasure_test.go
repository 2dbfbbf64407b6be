package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/telemetry"
)

// TestErasureMetrics: what the alert rule and the documentation call a metric is one.
func TestErasureMetrics(t *testing.T) {
	t.Parallel()
	a := &App{Metrics: telemetry.NewMetrics()}
	if err := a.erasureMetrics(func() subscriber.Erasures { return subscriber.Erasures{Running: 2, Oldest: time.Minute} }); err != nil {
		t.Fatal(err)
	}
	shown := httptest.NewRecorder()
	a.Metrics.Handler().ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, series := range []string{"presswork_erasures_running 2", "presswork_erasure_oldest_seconds 60"} {
		if !strings.Contains(shown.Body.String(), "\n"+series+"\n") {
			t.Errorf("there is no %s", series)
		}
	}
	for page, metric := range map[string]string{
		"deploy/prometheus/erasures.yaml": "presswork_erasure_oldest_seconds) > 14400", "docs/operations.md": "`presswork_erasure_oldest_seconds` (scheduler) | above 14,400",
	} {
		if text, err := os.ReadFile("../../" + page); err != nil || !strings.Contains(string(text), metric) {
			t.Errorf("%s does not say %q: %v", page, metric, err)
		}
	}
}
