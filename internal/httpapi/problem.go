package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/telemetry"
)

// Codes that HTTP has a status of its own for.
const (
	codeMethodNotAllowed = "method_not_allowed"
	codeMediaType        = "unsupported_media_type"
	codeVersionMismatch  = "version_mismatch"
	codeNoPrecondition   = "precondition_required"
)

// statusClientGone is logged for a request whose client left before the answer; nothing is sent.
const statusClientGone = 499

// statusOf is the one place where errors become HTTP statuses. A kind that makes no sense in an answer
// is our mistake: 500.
func statusOf(kind fault.Kind, code string) int {
	switch code {
	case codeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case codeMediaType:
		return http.StatusUnsupportedMediaType
	case codeVersionMismatch:
		return http.StatusPreconditionFailed
	case codeNoPrecondition:
		return http.StatusPreconditionRequired
	case codeSlowBody:
		return http.StatusRequestTimeout
	}
	switch kind {
	case fault.Wait:
		return http.StatusTooManyRequests
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Malformed:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Timeout:
		return http.StatusGatewayTimeout
	case fault.Unavailable, fault.Retry:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// describe turns an error into its problem. Of an unforeseen error nothing is shown but the correlation id. Who waited for what
// another request reads (keep.Values) has the end of the time as it is.
func describe(err error) (wire.Problem, time.Duration) {
	var e *fault.Error
	switch known := errors.As(err, &e); {
	case known:
	case errors.Is(err, context.DeadlineExceeded):
		e = fault.New(fault.Timeout, "database_timeout", "")
	default:
		e = fault.New(fault.Internal, "internal", "")
	}
	status := statusOf(e.Kind, e.Code)
	p := wire.Problem{Type: "/problems/" + e.Code, Title: http.StatusText(status), Status: status, Detail: e.Detail}
	if p.Errors = showFields(e.Fields); status == http.StatusInternalServerError {
		p.Type, p.Errors = "/problems/internal", nil
		p.Detail = "Something unforeseen happened. The log has more under the correlation id."
	}
	after := e.After
	if after <= 0 && status == http.StatusServiceUnavailable {
		after = 5 * time.Second
	}
	return p, after
}

// fail answers with the problem of err, unless an answer is already on its way, and logs what the
// operator has to know.
func fail(c *gin.Context, log *zap.Logger, err error) {
	ctx := c.Request.Context()
	if errors.Is(err, context.Canceled) {
		c.Status(statusClientGone)
		c.Writer.WriteHeaderNow()
		return
	}
	p, after := describe(err)
	p = located(c, p)
	if p.Status >= http.StatusInternalServerError {
		log.Error("request failed", zap.String("route", c.FullPath()), zap.Int("status", p.Status),
			zap.Error(err), telemetry.CorrelationField(ctx))
	}
	if c.Writer.Written() {
		return
	}
	if after > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized && c.Writer.Header().Get("WWW-Authenticate") == "" {
		c.Header("WWW-Authenticate", challenge)
	}
	answerProblem(c, log, p.Status, p)
}

// showFields is nil if there are none: they are left out.
func showFields(fields []fault.Field) []wire.FieldError {
	var shown []wire.FieldError
	for _, f := range fields[:min(len(fields), maxFieldErrors)] {
		shown = append(shown, wire.FieldError{Pointer: f.Pointer, Code: f.Code, Detail: f.Detail})
	}
	return shown
}

// located says where and in which request the problem was met.
func located(c *gin.Context, p wire.Problem) wire.Problem {
	p.Instance, p.CorrelationID = c.Request.URL.Path, telemetry.Correlation(c.Request.Context())
	return p
}

// answerProblem writes a problem, or a body that extends one. Headers of another answer that was about
// to be given are taken back.
func answerProblem(c *gin.Context, log *zap.Logger, status int, p any) {
	c.Writer.Header().Del("Content-Disposition")
	c.Writer.Header().Del("Content-Type")
	body, err := json.Marshal(p)
	if err != nil {
		log.Error("write a problem", zap.Error(err))
		c.Status(http.StatusInternalServerError)
		return
	}
	c.Data(status, "application/problem+json", body)
}
