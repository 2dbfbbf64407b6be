package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/openapi"
)

// registerDescription has the API's description as a document and as a page, open to everybody: it is the same for all.
func registerDescription(r gin.IRouter) {
	methods := []string{http.MethodGet, http.MethodHead}
	r.Match(methods, "/api/openapi.json", still("application/json", openapi.Document(), ""))
	r.Match(methods, "/api/docs", still("text/html; charset=utf-8", openapi.Page(), openapi.PagePolicy()))
}

// still answers with what is the same until the next version of the program, and 304 to who has it.
func still(mediaType, body, policy string) gin.HandlerFunc {
	sum := sha256.Sum256([]byte(body))
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	return func(c *gin.Context) {
		c.Header("ETag", tag)
		c.Header("Cache-Control", "public, max-age=300")
		if policy != "" {
			c.Header("Content-Security-Policy", policy)
		}
		if strings.Contains(c.GetHeader("If-None-Match"), tag) {
			c.Status(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return
		}
		c.Data(http.StatusOK, mediaType, []byte(body))
	}
}
