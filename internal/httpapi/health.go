package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Pinger is a server that can be tried.
type Pinger interface {
	// Ping is nil if the server answers.
	Ping(ctx context.Context) error
}

// pingTimeout is shorter than the period of usual probes (Kubernetes: 10 s).
const pingTimeout = 2 * time.Second

// registerHealth has the two open routes for probes. Ready needs PostgreSQL only: with Redis away
// publications are still accepted, since the outbox is in PostgreSQL.
func registerHealth(r gin.IRouter, d Deps) {
	methods := []string{http.MethodGet, http.MethodHead} // probes may ask for no body
	r.Match(methods, "/healthz", func(c *gin.Context) { c.PureJSON(http.StatusOK, gin.H{"status": "ok"}) })
	r.Match(methods, "/readyz", func(c *gin.Context) {
		status, code := "ok", http.StatusOK
		if !answers(c.Request.Context(), d.Redis) {
			status = "degraded"
		}
		if !answers(c.Request.Context(), d.Database) {
			status, code = "unavailable", http.StatusServiceUnavailable
		}
		c.Header("Cache-Control", "no-store")
		c.PureJSON(code, gin.H{"status": status})
	})
}

// answers tries a server; one that is not configured is not missed.
func answers(ctx context.Context, p Pinger) bool {
	if p == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return p.Ping(ctx) == nil
}
