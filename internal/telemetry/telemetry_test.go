package telemetry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestNewLogger(t *testing.T) {
	t.Parallel()
	for level, lowest := range map[string]zapcore.Level{"debug": zap.DebugLevel, "info": zap.InfoLevel, "warn": zap.WarnLevel, "error": zap.ErrorLevel} {
		log, err := NewLogger(level)
		if err != nil {
			t.Fatal(err)
		}
		if !log.Core().Enabled(lowest) || lowest > zap.DebugLevel && log.Core().Enabled(lowest-1) {
			t.Errorf("%s writes from %s on", level, log.Level())
		}
	}
	if _, err := NewLogger("loud"); err == nil || !strings.Contains(err.Error(), "loud") {
		t.Errorf("an unknown level: %v", err)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ada@example.org":       "a***@example.org",
		"a@example.org":         "a***@example.org",
		`"a@b"@example.org`:     `"***@example.org`,
		"@example.org":          "***",
		"nobody":                "***",
		"":                      "***",
		"\u00fcmit@example.org": "\u00fc***@example.org",
		"a@b@example.org":       "a***@example.org",
	} {
		if got := Mask(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
	if f := Masked("ada@example.org"); f.Key != "address" || f.String != "a***@example.org" {
		t.Errorf("field %v", f)
	}
}

func TestCorrelation(t *testing.T) {
	t.Parallel()
	if id := Correlation(t.Context()); id != "" {
		t.Errorf("a context that carries none has %q", id)
	}
	if f := CorrelationField(t.Context()); f.Type != zapcore.SkipType {
		t.Errorf("field %v", f)
	}
	ctx := WithCorrelation(t.Context(), "c-1")
	ctx, cancel := context.WithCancel(WithCorrelation(ctx, "c-2"))
	defer cancel()
	if f := CorrelationField(ctx); Correlation(ctx) != "c-2" || f.Key != "correlation_id" || f.String != "c-2" {
		t.Errorf("got %q, field %v", Correlation(ctx), f)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	m.Request("GET", "/api/v1/topics", 200, 2*time.Millisecond, "")
	m.Delivery("email", "sent", time.Millisecond)
	m.Delivery("email", "sent", time.Millisecond)
	m.Publication("completed")
	m.Task("render", time.Second, nil)
	m.Task("render", time.Second, errors.New("broken"))
	if err := m.Gauge("presswork_test", "A test.", func() float64 { return 42 }); err != nil {
		t.Fatal(err)
	}
	if err := m.Gauge("presswork_test", "A test.", func() float64 { return 1 }); err == nil {
		t.Error("one name for two gauges")
	}
	if err := m.Register(prometheus.NewCounter(prometheus.CounterOpts{Name: "presswork_other", Help: "Another."})); err != nil {
		t.Fatal(err)
	}
	text := scrape(t, m)
	for _, want := range []string{
		`presswork_http_request_duration_seconds_count{method="GET",route="/api/v1/topics",status="200"} 1`,
		`presswork_deliveries_total{channel="email",outcome="sent"} 2`,
		`presswork_publications_total{state="completed"} 1`,
		`presswork_send_duration_seconds_count{channel="email"} 2`,
		`presswork_task_duration_seconds_count{kind="render"} 2`,
		`presswork_task_failures_total{kind="render"} 1`,
		"presswork_test 42", "presswork_other 0", "go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// brokenCollector cannot be read, as queues with Redis away.
type brokenCollector struct{ desc *prometheus.Desc }

func (b brokenCollector) Describe(to chan<- *prometheus.Desc) { to <- b.desc }

func (b brokenCollector) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.NewInvalidMetric(b.desc, errors.New("redis is away"))
}

func TestMetricsThatCannotBeReadHideNoOthers(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	if err := m.Register(brokenCollector{prometheus.NewDesc("presswork_broken", "Cannot be read.", nil, nil)}); err != nil {
		t.Fatal(err)
	}
	m.Delivery("email", "sent", time.Millisecond)
	if text := scrape(t, m); !strings.Contains(text, "presswork_deliveries_total") {
		t.Errorf("got %s", text)
	}
}

// The trace of a request is an exemplar, for those who ask for OpenMetrics.
func TestExemplars(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	m.Request("GET", "/api/v1/topics", 200, 2*time.Millisecond, "0af7651916cd43dd8448eb211c80319c")
	text := scrape(t, m, "Accept", "application/openmetrics-text; version=1.0.0")
	if !strings.Contains(text, `le="0.0025"} 1 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 0.002`) {
		t.Errorf("got %s", text)
	}
}

func scrape(t *testing.T, m *Metrics, header ...string) string {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return string(text)
}
