package ops

import (
	"context"
	"net"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
)

// Authenticator tells whom a credential stands for: see auth.Gate.
type Authenticator interface {
	// Authenticate returns an auth.Refusal; any other error says that it cannot tell just now.
	Authenticate(ctx context.Context, credential string) (auth.Principal, error)
}

// challenge makes a browser ask for a name and a password.
const challenge = `Basic realm="Presswork operations"`

// guard tells who may use the listener.
type guard struct {
	auth    Authenticator
	refused func(ctx context.Context, r auth.Refusal, network string)
	log     *zap.Logger
}

// authenticate lets through who shows a key that has auth.OpsAccess.
func (g guard) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := g.auth.Authenticate(r.Context(), credential(r))
		refusal := auth.RefusalOf(err)
		switch {
		case refusal != nil:
			g.refuse(r, *refusal)
			w.Header().Set("WWW-Authenticate", challenge)
			http.Error(w, "An API key is needed: as a bearer token, or as the password with any user name.", http.StatusUnauthorized)
		case err != nil:
			g.log.Warn("ops: a key could not be looked up", zap.Error(err))
			w.Header().Set("Retry-After", "5")
			http.Error(w, "Keys cannot be looked up just now: the key in PRESSWORK_API_KEY works.", http.StatusServiceUnavailable)
		case !p.Allows(auth.OpsAccess):
			http.Error(w, "This needs the permission "+auth.OpsAccess.String()+".", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// refuse tells of a credential that was not accepted; a browser's first request has none. Whose address it came from is personal:
// the audit log has its keyed hash, the log nothing.
func (g guard) refuse(r *http.Request, refusal auth.Refusal) {
	if r.Header.Get("Authorization") != "" {
		g.log.Warn("ops: a credential was refused", zap.String("reason", string(refusal.Reason)))
	}
	if g.refused != nil {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		g.refused(r.Context(), refusal, host)
	}
}

// knows reports whether a request is by somebody who may use the listener.
func (g guard) knows(r *http.Request) bool {
	given := credential(r)
	if given == "" { // a probe
		return false
	}
	p, err := g.auth.Authenticate(r.Context(), given)
	return err == nil && p.Allows(auth.OpsAccess)
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
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		log.Warn("ops: a request from another site was refused")
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
