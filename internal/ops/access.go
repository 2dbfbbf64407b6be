package ops

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"go.uber.org/zap"
)

// challenge makes a browser ask for a name and a password.
const challenge = `Basic realm="Presswork operations"`

// authenticate lets through who shows the key.
func authenticate(key string, log *zap.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shows(r, key) {
			next.ServeHTTP(w, r)
			return
		}
		if r.Header.Get("Authorization") != "" { // a browser's first request has none
			log.Warn("ops: a credential was refused", zap.String("remote", r.RemoteAddr))
		}
		w.Header().Set("WWW-Authenticate", challenge)
		http.Error(w, "An API key is needed: as a bearer token, or as the password with any user name.", http.StatusUnauthorized)
	})
}

// shows reports whether a request has the key. Digests are compared, so that the time taken says nothing about the
// key, its length included. No key opens nothing.
func shows(r *http.Request, key string) bool {
	given := credential(r)
	got, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && given != "" && key != ""
}

// credential is the bearer token (RFC 6750) or the password of HTTP Basic (RFC 7617).
func credential(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sameOrigin refuses what another site makes a browser send: the browser adds the password by itself, and
// Asynqmon has no protection of its own. Programs that are no browsers pass.
func sameOrigin(next http.Handler, log *zap.Logger) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Warn("ops: a request from another site was refused", zap.String("remote", r.RemoteAddr))
		http.Error(w, "This request came from another site.", http.StatusForbidden)
	}))
	return guard.Handler(next)
}

// protect sets the headers of every answer. Pages set a Content-Security-Policy that lets more through.
func protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		// Not no-referrer: that would make browsers send "Origin: null" from our own pages.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
