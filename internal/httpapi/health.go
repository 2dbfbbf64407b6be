package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
)

// Pinger is a server that can be tried.
type Pinger interface {
	// Ping is nil if the server answers.
	Ping(ctx context.Context) error
}

// pingTimeout leaves a probe time for its answer: Kubernetes waits for one second.
const pingTimeout = 700 * time.Millisecond

// registerHealth has the two open routes for probes. Ready needs PostgreSQL only: with Redis away
// publications are still accepted, since the outbox is in PostgreSQL.
func registerHealth(r gin.IRouter, d Deps) {
	methods := []string{http.MethodGet, http.MethodHead} // probes may ask for no body
	r.Match(methods, "/healthz", func(c *gin.Context) { c.PureJSON(http.StatusOK, wire.Health{Status: wire.HealthStatusOK}) })
	r.Match(methods, "/readyz", func(c *gin.Context) {
		status, code := wire.HealthStatusOK, http.StatusOK
		ctx, cancel := context.WithTimeout(c.Request.Context(), pingTimeout)
		defer cancel()
		redis, database := try(ctx, d.Redis), try(ctx, d.Database)
		switch { // the database first: what it says must not wait for Redis
		case !answers(ctx, database):
			status, code = wire.HealthStatusUnavailable, http.StatusServiceUnavailable
		case !answers(ctx, redis):
			status = wire.HealthStatusDegraded
		}
		c.Header("Cache-Control", "no-store")
		c.PureJSON(code, wire.Health{Status: status})
	})
}

// try asks a server whether it is there; one that is not configured is not missed.
func try(ctx context.Context, p Pinger) <-chan error {
	answer := make(chan error, 1)
	if p == nil {
		answer <- nil
		return answer
	}
	go func() { answer <- p.Ping(ctx) }()
	return answer
}

// answers waits until ctx ends, and no longer: a driver whose server hangs may stay in the call.
func answers(ctx context.Context, answer <-chan error) bool {
	select {
	case err := <-answer:
		return err == nil
	case <-ctx.Done():
		return false
	}
}
