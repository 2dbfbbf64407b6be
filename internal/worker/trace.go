package worker

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/telemetry"
)

// tracedCalls is how many provider calls of a batch have a span whatever comes of them: a run to a million readers
// makes 80,000 of them, and shows how long calls take all along. A place is a batch of its own, so that each post
// has one.
const tracedCalls = 8

// calls makes the spans of a batch's provider calls. A nil *calls makes none.
type calls struct {
	tracer trace.Tracer
	batch  trace.SpanContext
	made   atomic.Int32
}

// newCalls are those of the batch whose task runs in ctx; nil if it is not recorded.
func newCalls(ctx context.Context, tracer trace.Tracer) *calls {
	if tracer == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return nil
	}
	return &calls{tracer: tracer, batch: trace.SpanContextFromContext(ctx)}
}

// send makes a call. The first of a batch have spans, and every one that is not accepted: that gets it afterwards.
func (c *calls) send(ctx context.Context, o *outlet, m *channel.Message) error {
	if c == nil {
		return o.sender.Send(ctx, m)
	}
	if c.made.Add(1) <= tracedCalls {
		ctx, span := c.start(ctx, o, m, time.Now())
		defer span.End()
		err := o.sender.Send(ctx, m)
		if err != nil {
			telemetry.FailSpan(span, err)
		}
		return err
	}
	began := time.Now()
	err := o.sender.Send(ctx, m)
	if err != nil {
		_, span := c.start(ctx, o, m, began)
		telemetry.FailSpan(span, err)
		span.End()
	}
	return err
}

// start begins the span of a call, below the batch's. It names nobody: the delivery's number is what the ledger has.
func (c *calls) start(ctx context.Context, o *outlet, m *channel.Message, began time.Time) (context.Context, trace.Span) {
	return c.tracer.Start(trace.ContextWithSpanContext(ctx, c.batch), "send by "+o.Provider, //nolint:spancheck // send ends it
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began), trace.WithAttributes(
			attribute.String("presswork.provider", o.Provider), attribute.String("presswork.channel", string(o.Kind)),
			attribute.String("presswork.delivery", m.ID.String()),
			attribute.String("presswork.correlation_id", telemetry.Correlation(ctx))))
}

// about says what the task that runs in ctx is about, in its span if it has one.
func about(ctx context.Context, publication string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("presswork.publication", publication))
	}
}
