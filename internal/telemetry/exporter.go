package telemetry

import (
	"context"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// complainEvery is how often a collector that does not take spans is worth a line.
const complainEvery = time.Minute

// exporter keeps the errors of another one, which the SDK would hand to a handler shared by the whole program, and
// logs some of them.
type exporter struct {
	sdktrace.SpanExporter
	log *zap.Logger

	mu         sync.Mutex
	lost       int // spans since the last line
	complained time.Time
}

// ExportSpans hands spans to the collector. Those that it does not take are lost.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.complain(len(spans), err)
	}
	return nil
}

func (e *exporter) complain(n int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost += n
	if !e.complained.IsZero() && time.Since(e.complained) < complainEvery {
		return
	}
	e.log.Warn("spans not taken by the collector", zap.Int("lost", e.lost), zap.Error(err))
	e.lost, e.complained = 0, time.Now()
}
