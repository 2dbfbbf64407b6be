package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/telemetry"
)

// requestTimeout bounds the work of one request, waiting for a database connection included.
const requestTimeout = 30 * time.Second

const correlationHeader = "X-Correlation-ID"

// handle wraps a handler that returns its error; answerErrors turns that into a problem. The request's
// context ends after requestTimeout.
func handle(h func(*gin.Context) error) gin.HandlerFunc {
	bounded := handleStream(h)
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		bounded(c)
	}
}

// handleStream is handle without the time limit, for answers that go on.
func handleStream(h func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			abort(c, err)
		}
	}
}

// abort ends the chain with an error.
func abort(c *gin.Context, err error) {
	_ = c.Error(err) // the return value is for chaining
	c.Abort()
}

// answerErrors is where every error of a handler, and a panic, becomes an answer.
func answerErrors(log *zap.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			reason := recover()
			if reason == http.ErrAbortHandler { //nolint:errorlint // net/http compares it in the same way
				panic(reason)
			}
			if reason != nil {
				log.Error("panic in a handler", zap.String("route", c.FullPath()),
					zap.ByteString("stack", debug.Stack()), telemetry.CorrelationField(c.Request.Context()))
				fail(c, log, fmt.Errorf("panic: %v", reason))
				c.Abort()
			}
		}()
		c.Next()
		if last := c.Errors.Last(); last != nil {
			fail(c, log, last.Err)
		}
	}
}

// correlate gives every request an id, the caller's if it is safe to log, and every answer that id.
func correlate(c *gin.Context) {
	id := c.GetHeader(correlationHeader)
	if !safeCorrelation(id) {
		id = ident.New().String()
	}
	c.Header(correlationHeader, id)
	c.Request = c.Request.WithContext(telemetry.WithCorrelation(c.Request.Context(), id))
	c.Next()
}

func safeCorrelation(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Request is what a metrics hook gets of one answered request. Route is the template, never the path, and Method
// one that HTTP defines, or OTHER: the numbers of their values are bounded. Route is empty for unknown routes.
type Request struct {
	Method, Route string
	Status        int
	Took          time.Duration
	// TraceID is the recorded trace that the request belongs to, "" if there is none.
	TraceID string
}

// methodOf is the method as it is logged and counted: anybody may invent others, which would each be kept.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	default:
		return "OTHER"
	}
}

// observe writes the access log: no addresses, no query strings, no paths.
func observe(log *zap.Logger, hook func(Request)) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := time.Now()
		defer func() { // a cut connection panics through here
			took := time.Since(start)
			log.Info("request", zap.String("method", methodOf(c.Request)), zap.String("route", c.FullPath()),
				zap.Int("status", c.Writer.Status()), zap.Duration("took", took),
				zap.Int("bytes", max(c.Writer.Size(), 0)), telemetry.CorrelationField(c.Request.Context()), telemetry.TraceField(c.Request.Context()))
			if hook != nil {
				hook(Request{Method: methodOf(c.Request), Route: c.FullPath(), Status: c.Writer.Status(), Took: took,
					TraceID: telemetry.TraceID(c.Request.Context())})
			}
		}()
		c.Next()
	}
}
