package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/fault"
)

// bodyTime is how long a body may take to come in, unless it is a file: 1 MB at 300 kbit/s. Files have the server's own
// time, of minutes.
const bodyTime = 30 * time.Second

// codeSlowBody is a body that did not come in in time. HTTP has a status for that: 408.
const codeSlowBody = "slow_body"

// limitOf is how many bytes the body of a route may have. That of a route that reads none has a limit too: it is not
// worth the line.
func limitOf(method, route string) int64 {
	route = strings.TrimPrefix(route, "/api/v1")
	switch {
	case method == http.MethodPost && route == "/assets":
		return asset.MaxSize
	case method == http.MethodPost && (route == "/subscribers/import" || route == "/suppressions/import"):
		return limitCSV
	case method == http.MethodPost && route == "/publications", method == http.MethodPut && route == "/publications/:id":
		return limitPublication
	case method == http.MethodPost && (route == "/subscribers/bulk" || route == "/publications/bulk"):
		return limitBulk
	case method == http.MethodPost && (route == "/contents" || route == "/templates"),
		method == http.MethodPut && (route == "/contents/:id" || route == "/templates/:id"):
		return limitText
	case method == http.MethodPost && route == "/hooks/ses":
		return limitSNS
	default:
		return limitOther
	}
}

// isFile reports whether the route's body is a file, which may come by a slow line.
func isFile(method, route string) bool {
	return method == http.MethodPost &&
		(route == "/api/v1/assets" || route == "/api/v1/subscribers/import" || route == "/api/v1/suppressions/import")
}

// boundBodies refuses a body that says that it is too long, whether or not the route reads it; what does not say so is
// cut off by whoever reads (readBody), and what nobody reads by net/http. And a body has to come in within a time:
// otherwise who sends a byte now and then keeps a connection for as long as the server allows for files.
//
// How long the answer takes is another matter: net/http takes the deadline back when it has all of the body.
func boundBodies(d time.Duration) gin.HandlerFunc {
	if d <= 0 {
		d = bodyTime
	}
	return func(c *gin.Context) {
		if limit := limitOf(c.Request.Method, c.FullPath()); c.Request.ContentLength > limit {
			abort(c, fault.New(fault.TooLarge, "too_large", fmt.Sprintf("The body may have at most %d bytes.", limit)))
			return
		}
		if c.Request.ContentLength != 0 && !isFile(c.Request.Method, c.FullPath()) {
			// Not every writer can, as in tests.
			_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(d))
		}
		if len(c.Request.TransferEncoding) > 0 {
			// There may have been a length as well, by which a proxy in front goes: net/http does not tell, and what the proxy took
			// for the end of this body would be the next request (RFC 9112, section 6.1).
			c.Header("Connection", "close")
		}
		c.Next()
	}
}
