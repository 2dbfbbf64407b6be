package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/presswork/presswork/internal/telemetry"
)

// traced makes a span of a request, named by its route. It says no more than the access log does: an address, a path
// or a query would be personal data, which is why this is not OpenTelemetry's own middleware.
func traced(tracer trace.Tracer) gin.HandlerFunc {
	return func(c *gin.Context) {
		route := c.FullPath()
		if !worthASpan(route) {
			c.Next()
			return
		}
		ctx := c.Request.Context()
		if strings.HasPrefix(route, "/api/") {
			// Clients of the API may begin the trace. Readers are anybody: they may not.
			ctx = telemetry.WithTraceParent(ctx, c.GetHeader("Traceparent"))
		}
		ctx, span := tracer.Start(ctx, c.Request.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", c.Request.Method), attribute.String("http.route", route),
			attribute.String("presswork.correlation_id", telemetry.Correlation(ctx))))
		defer func() { // a cut connection panics through here
			status := c.Writer.Status()
			span.SetAttributes(attribute.Int("http.response.status_code", status))
			if status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, strconv.Itoa(status))
			}
			span.End()
		}()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

// worthASpan leaves out what is asked all the time (health, the pixel in every mail) and what is not there.
func worthASpan(route string) bool {
	switch route {
	case "", "/healthz", "/readyz", "/t/o/:token":
		return false
	default:
		return true
	}
}
