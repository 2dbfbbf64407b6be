package queue

import (
	"context"

	"github.com/hibiken/asynq"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/tasks"
)

// traceHeader carries what a task follows from, as the header of the same name does over HTTP.
const traceHeader = "traceparent"

// headersOf are what travels beside the payload; nil for nothing.
func headersOf(t tasks.Task) map[string]string {
	if t.TraceParent == "" {
		return nil
	}
	return map[string]string{traceHeader: t.TraceParent}
}

// traced runs a handler within a span, if the task belongs to a trace. One that follows from nothing (a counter's
// round, a task of a build without traces) begins none.
func (h *Handlers) traced(ctx context.Context, t *asynq.Task, handler func(context.Context, []byte) error) error {
	parent := t.Headers()[traceHeader]
	if h.tracer == nil || parent == "" {
		return handler(ctx, t.Payload())
	}
	ctx, span := h.tracer.Start(telemetry.WithTraceParent(ctx, parent), t.Type(), trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	if span.IsRecording() {
		span.SetAttributes(aboutTask(ctx)...)
	}
	err := handler(ctx, t.Payload())
	if err != nil && isFailure(err) {
		telemetry.FailSpan(span, err)
	}
	return err
}

// aboutTask says which task runs in ctx. A task's id names what it is about: "b:99:1" is batch 99, nudged once.
func aboutTask(ctx context.Context) []attribute.KeyValue {
	list := []attribute.KeyValue{attribute.String("messaging.system", "asynq"), attribute.String("messaging.operation.type", "process")}
	if id, ok := asynq.GetTaskID(ctx); ok {
		list = append(list, attribute.String("messaging.message.id", id))
	}
	if queue, ok := asynq.GetQueueName(ctx); ok {
		list = append(list, attribute.String("messaging.destination.name", queue))
	}
	if n := Retried(ctx); n > 0 {
		list = append(list, attribute.Int("presswork.task.retries", n))
	}
	return list
}
