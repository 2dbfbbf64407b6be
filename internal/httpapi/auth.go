package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
)

// adminPrincipal is who the admin key stands for. audit.Actor(ctx) has it in handlers and stores.
const adminPrincipal = "key:admin"

// authenticate lets through who shows the admin key, as a bearer token (RFC 6750) or in X-API-Key. With
// no key configured nobody is let through. Digests are compared, so that the time taken says nothing about
// the key, its length included.
func authenticate(adminKey string) gin.HandlerFunc {
	want := sha256.Sum256([]byte(adminKey))
	return func(c *gin.Context) {
		given := credential(c.Request)
		got := sha256.Sum256([]byte(given))
		if given == "" || adminKey == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			abort(c, fault.New(fault.Unauthenticated, "unauthenticated", "A valid API key is needed."))
			return
		}
		c.Request = c.Request.WithContext(audit.WithActor(c.Request.Context(), adminPrincipal))
		c.Next()
	}
}

// credential is the bearer token, or else the X-API-Key header; a present Authorization header of another
// scheme is no credential.
func credential(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return ""
		}
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-API-Key")
}
