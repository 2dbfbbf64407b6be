package queue

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/tasks"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// A task that follows from a span runs within one below it, and one that follows from nothing within none.
func TestTaskIsTraced(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		parent, status string
		result         error
		spans          int
	}{
		"done":        {parent, "", nil, 1},
		"failed":      {parent, "broken", fault.Wrap(errors.New("of ada@example.org"), fault.GiveUp, "broken"), 1},
		"waits":       {parent, "", fault.WaitFor(1, "busy", errors.New("busy")), 1},
		"not sampled": {parent[:54] + "0", "", nil, 0},
		"no trace":    {"", "", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := open(t)
			recorder := tracetest.NewSpanRecorder()
			inside := make(chan string, 1)
			h := NewHandlers(nil)
			h.Trace(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test"))
			Handle(h, func(ctx context.Context, _ tasks.SendEmail) error {
				select {
				case inside <- telemetry.TraceParent(ctx):
				default: // tried again
				}
				return tc.result
			})
			task := batch(t, 7, tasks.LaneNormal)
			task.TraceParent = tc.parent
			enqueue(t, q, task)
			w := work(t, q, map[string]int{tasks.QueueEmail: 1}, Slots{Urgent: 1, Bulk: 1}, h)
			got := <-inside
			w.Stop(t.Context())
			ended := recorder.Ended()
			if len(ended) < tc.spans || tc.spans == 0 && len(ended) > 0 {
				t.Fatalf("%d spans, want %d", len(ended), tc.spans)
			}
			if (got == "") != (tc.parent == "") || got != "" && got[:36] != tc.parent[:36] {
				t.Errorf("the handler follows from %q", got)
			}
			if tc.spans > 0 {
				checkSpan(t, ended[0], tc.status)
			}
		})
	}
}

func checkSpan(t *testing.T, s sdktrace.ReadOnlySpan, status string) {
	t.Helper()
	want := codes.Unset
	if status != "" {
		want = codes.Error
	}
	if s.Name() != "send-email" || s.SpanKind() != trace.SpanKindConsumer || s.Parent().SpanID().String() != parent[36:52] ||
		s.Status().Code != want || s.Status().Description != status {
		t.Errorf("span %s %s below %s, %+v", s.SpanKind(), s.Name(), s.Parent().SpanID(), s.Status())
	}
	about := map[string]string{}
	for _, a := range s.Attributes() {
		about[string(a.Key)] = a.Value.String()
	}
	if about["messaging.message.id"] != "b:7:1" || about["messaging.destination.name"] != tasks.QueueEmail {
		t.Errorf("about %v", about)
	}
}

// Without a tracer a task of a traced build runs as any other.
func TestTracedTaskWithoutTracer(t *testing.T) {
	t.Parallel()
	q := open(t)
	inside := make(chan string, 1)
	h := NewHandlers(nil)
	Handle(h, func(ctx context.Context, _ tasks.SendEmail) error {
		inside <- telemetry.TraceParent(ctx)
		return nil
	})
	task := batch(t, 7, tasks.LaneNormal)
	task.TraceParent = parent
	enqueue(t, q, task)
	w := work(t, q, map[string]int{tasks.QueueEmail: 1}, Slots{Urgent: 1, Bulk: 1}, h)
	if got := <-inside; got != "" {
		t.Errorf("the handler follows from %q", got)
	}
	w.Stop(t.Context())
}
