package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/collector"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTraceParentGoesRound(t *testing.T) {
	t.Parallel()
	for _, text := range []string{parent, strings.TrimSuffix(parent, "1") + "0"} {
		ctx := WithTraceParent(t.Context(), text)
		if got := TraceParent(ctx); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
		if recorded := strings.HasSuffix(text, "1"); (TraceID(ctx) != "") != recorded || (TraceField(ctx).String != "") != recorded {
			t.Errorf("%s has the id %q", text, TraceID(ctx))
		}
	}
	for _, text := range []string{"", "nonsense", parent[:54], strings.ToUpper(parent), "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01"} {
		if ctx := WithTraceParent(t.Context(), text); ctx != t.Context() || TraceParent(ctx) != "" || TraceID(ctx) != "" {
			t.Errorf("%q was taken", text)
		}
	}
}

// Without a trace nothing is allocated: that is every send of a process whose tracing is off.
func TestOffCostsNothing(t *testing.T) {
	ctx := WithCorrelation(t.Context(), "c")
	if n := testing.AllocsPerRun(100, func() { _, _ = TraceParent(ctx), TraceID(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var off *Tracing
	if off.Tracer() != nil || off.Close() != nil {
		t.Error("tracing that is off does something")
	}
}

func TestTracingHandsSpansOver(t *testing.T) {
	t.Parallel()
	c := collector.Start(t)
	tracing, err := NewTracing(t.Context(), TracingOptions{URL: c.URL + "/v1/traces", Service: "papers", Roles: []string{"api", "worker"}, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.Tracer().Start(WithTraceParent(t.Context(), parent), "work")
	FailSpan(span, fault.Wrap(errors.New("about ada@example.org"), fault.GiveUp, "refused"))
	span.End()
	if err := tracing.Close(); err != nil {
		t.Fatal(err)
	}
	spans := c.Spans()
	if len(spans) != 1 {
		t.Fatalf("%d spans arrived", len(spans))
	}
	s := spans[0]
	if s.Trace != parent[3:35] || s.Parent != parent[36:52] || !s.Failed || s.Attributes["error.type"] != "refused" || strings.Contains(s.Text, "ada") {
		t.Errorf("arrived: %+v", s)
	}
	if s.Resource["service.name"] != "papers" || s.Resource["presswork.roles"] != "api,worker" || s.Resource["host.name"] == "" || s.Resource["service.instance.id"] == "" {
		t.Errorf("of %v", s.Resource)
	}
}

// A collector that never answers costs a few seconds at the end, and nothing before.
func TestCollectorThatHangs(t *testing.T) {
	t.Parallel()
	asked, stop := make(chan struct{}, 8), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	}))
	defer server.Close()
	defer close(stop)
	tracing, err := NewTracing(t.Context(), TracingOptions{URL: server.URL, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 { // more than the queue takes: the rest is dropped
		_, span := tracing.Tracer().Start(t.Context(), "work")
		span.End()
	}
	<-asked
	if err := tracing.Close(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("closed with %v", err)
	}
}

// failing takes no spans.
type failing struct{}

func (failing) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("nobody there")
}
func (failing) Shutdown(context.Context) error { return nil }

func TestComplainsOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		e := &exporter{SpanExporter: failing{}, log: zap.New(core)}
		for range 130 {
			if err := e.ExportSpans(t.Context(), make([]sdktrace.ReadOnlySpan, 2)); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second) // of the bubble: it takes no time
		}
		var lost []int64
		for _, entry := range logs.All() {
			lost = append(lost, entry.ContextMap()["lost"].(int64))
		}
		if len(lost) != 3 || lost[0] != 2 || lost[1] != 120 || lost[2] != 120 {
			t.Errorf("the lines say that %v were lost", lost)
		}
	})
}
