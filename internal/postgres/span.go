package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// tracerOf is what the driver tells of each statement; nil: nobody.
func tracerOf(o Options) pgx.QueryTracer {
	var list []pgx.QueryTracer
	if o.Log != nil {
		list = append(list, slowTracer{log: o.Log, slow: time.Second})
	}
	if o.Tracer != nil {
		list = append(list, spanTracer{o.Tracer})
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	default:
		return multitracer.New(list...)
	}
}

// spanTracer makes a span of every statement, and of every batch of statements, that belongs to a recorded trace.
// What is polled belongs to none. Texts of statements are constants; parameters, and texts of errors, which may
// repeat them, are personal data and stay out.
type spanTracer struct{ tracer trace.Tracer }

// TraceQueryStart begins the span of a statement.
func (t spanTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	words := strings.Fields(q.SQL)
	return t.begin(ctx, summary(words), attribute.String("db.query.text", strings.Join(words, " ")))
}

// TraceQueryEnd ends it. Without one the span in ctx records nothing, and ending it does nothing.
func (spanTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	end(ctx, q.Err)
}

// TraceBatchStart begins the span of a batch.
func (t spanTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	return t.begin(ctx, "BATCH", attribute.Int("db.operation.batch.size", b.Batch.Len()))
}

// TraceBatchQuery is told of each statement of a batch; the batch's own span is enough.
func (spanTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd ends the span of a batch.
func (spanTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchEndData) {
	end(ctx, b.Err)
}

func (t spanTracer) begin(ctx context.Context, name string, what attribute.KeyValue) context.Context {
	ctx, _ = t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), //nolint:spancheck // end ends it
		trace.WithAttributes(attribute.String("db.system.name", "postgresql"), what))
	return ctx
}

func end(ctx context.Context, err error) {
	span := trace.SpanFromContext(ctx)
	if err != nil && span.IsRecording() {
		what := "connection"
		var pg *pgconn.PgError
		switch {
		case errors.As(err, &pg):
			what = pg.Code
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			what = "cancelled"
		}
		span.SetAttributes(attribute.String("error.type", what))
		span.SetStatus(codes.Error, what)
	}
	span.End()
}

// summary names a statement by its verb and its first table: the number of names is small.
func summary(words []string) string {
	if len(words) == 0 {
		return "empty"
	}
	verb := strings.ToUpper(words[0])
	for i, word := range words[:len(words)-1] {
		switch strings.ToUpper(word) {
		case "FROM", "INTO", "UPDATE":
			if table := strings.TrimRight(words[i+1], "),;"); strings.Trim(table, "abcdefghijklmnopqrstuvwxyz_") == "" {
				return verb + " " + table
			}
		}
	}
	return verb
}

// startSpan begins a span of work that belongs to a recorded trace, and otherwise does nothing.
func startSpan(ctx context.Context, tracer trace.Tracer, name string) (context.Context, trace.Span) {
	if tracer == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, trace.SpanFromContext(context.Background()) // a span that is nobody's
	}
	return tracer.Start(ctx, name) //nolint:spancheck // whoever asked for it ends it
}
