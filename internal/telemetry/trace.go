package telemetry

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/fault"
)

// flushTime bounds how long the last spans may take to reach the collector when a process stops.
const flushTime = 3 * time.Second

// TracingOptions say where spans go and whose they are. Batches, sampling, headers and certificates are the SDK's own
// settings, which it reads from the environment (OTEL_BSP_*, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_*).
type TracingOptions struct {
	// URL takes the spans: OTLP over HTTP.
	URL string
	// Service names the service; empty: what OTEL_RESOURCE_ATTRIBUTES says, or presswork.
	Service string
	Roles   []string
	// Log gets a warning when spans are lost, once a minute at most.
	Log *zap.Logger
}

// Tracing collects spans and hands them to a collector in the background. A collector that is slow or away costs
// spans, and nothing else. A nil *Tracing is tracing that is off.
type Tracing struct {
	provider *sdktrace.TracerProvider
	exporter *exporter
}

// NewTracing starts to collect. It does not try the collector. Close it at the end.
func NewTracing(ctx context.Context, o TracingOptions) (*Tracing, error) {
	otlp, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.URL))
	if err != nil {
		return nil, fmt.Errorf("make the exporter of traces: %w", err)
	}
	who, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(identity(o)...),
		resource.WithFromEnv(), resource.WithAttributes(named(o.Service)...))
	if err != nil {
		return nil, fmt.Errorf("describe this process for traces: %w", err)
	}
	e := &exporter{SpanExporter: otlp, log: o.Log}
	return &Tracing{exporter: e, provider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(e), sdktrace.WithResource(who))}, nil
}

// identity is what a process says of itself unless the environment says otherwise.
func identity(o TracingOptions) []attribute.KeyValue {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	list := []attribute.KeyValue{
		attribute.String("service.name", "presswork"),
		attribute.String("service.instance.id", fmt.Sprintf("%s:%d", host, os.Getpid())),
		attribute.String("presswork.roles", strings.Join(o.Roles, ",")),
	}
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		list = append(list, attribute.String("service.version", build.Main.Version))
	}
	return list
}

func named(service string) []attribute.KeyValue {
	if service == "" {
		return nil
	}
	return []attribute.KeyValue{attribute.String("service.name", service)}
}

// Tracer makes the spans; nil if tracing is off.
func (t *Tracing) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer("github.com/presswork/presswork")
}

// Close hands over what was collected, for a few seconds at most, and ends. Spans that come later are lost.
func (t *Tracing) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	err := t.provider.Shutdown(ctx)
	if err != nil {
		_ = t.exporter.Shutdown(ctx) // cuts off a call that hangs
		return fmt.Errorf("hand over the last spans: %w", err)
	}
	return nil
}

// TraceParent is the span that what happens in ctx belongs to, in W3C's form of 55 characters (Trace Context, 3.2);
// empty if there is none. It is there also if the trace is not recorded, so that nobody begins another one.
func TraceParent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get(traceParentName)
}

// traceParentName is how W3C's propagator calls it, in any carrier.
const traceParentName = "traceparent"

// WithTraceParent makes what happens in ctx belong to a span of elsewhere. Text that is not in W3C's form changes
// nothing.
func WithTraceParent(ctx context.Context, parent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceParentName: parent})
}

// TraceID is the recorded trace that ctx belongs to, empty if there is none.
func TraceID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.IsValid() && c.IsSampled() {
		return c.TraceID().String()
	}
	return ""
}

// TraceField is TraceID as a log field.
func TraceField(ctx context.Context) zap.Field {
	if id := TraceID(ctx); id != "" {
		return zap.String("trace_id", id)
	}
	return zap.Skip()
}

// FailSpan marks a span with what kind of error ended it. The error's text stays out: it may repeat personal data.
func FailSpan(span trace.Span, err error) {
	what := fault.CodeOf(err)
	span.SetAttributes(attribute.String("error.type", what))
	span.SetStatus(codes.Error, what)
}
