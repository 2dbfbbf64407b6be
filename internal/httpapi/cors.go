package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// What pages of other origins may send and see. Credentials that browsers add by themselves are not among it: there are
// none here.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-API-Key, " + correlationHeader
	corsExposed = "ETag, Location, RateLimit, RateLimit-Policy, Retry-After, Content-Disposition, Idempotent-Replay, WWW-Authenticate, " + correlationHeader
	// corsAge is how long a browser remembers the answer to a preflight, in seconds: Chromium's most.
	corsAge = "7200"
)

// cors lets pages of the given origins, and of no others, call the API from a browser (Fetch standard, "HTTP-CORS
// protocol"). An origin is compared as it stands; there are no patterns. With none, nothing is said, and browsers keep
// what they get to themselves.
//
// A preflight is answered before authentication, since browsers send it without a key. It says nothing about whether the
// route exists.
//
// These lines stand for a library, since those are mostly about what this must not do: patterns, any origin, credentials.
func cors(origins []string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if len(origins) == 0 || !strings.HasPrefix(c.Request.URL.Path, "/api/") {
			c.Next()
			return
		}
		h := c.Writer.Header()
		h.Add("Vary", "Origin")
		origin := c.GetHeader("Origin")
		allowed := slices.Contains(origins, origin)
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", corsExposed)
		}
		if c.Request.Method != http.MethodOptions || c.GetHeader("Access-Control-Request-Method") == "" {
			c.Next()
			return
		}
		h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
		if allowed {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsAge)
		}
		c.AbortWithStatus(http.StatusNoContent)
	}
}
