package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
)

// Authenticator tells whom a credential stands for: see auth.Gate.
type Authenticator interface {
	// Authenticate returns an auth.Refusal; any other error says that it cannot tell just now.
	Authenticate(ctx context.Context, credential string) (auth.Principal, error)
}

// RefusalHook is told of a credential that was not accepted, and from where it came: an address, or a /64 of IPv6; "none" if
// that is not known. It is personal data.
type RefusalHook func(ctx context.Context, r auth.Refusal, network string)

// challenge is the answer to a request without a credential (RFC 6750, section 3).
const challenge = `Bearer realm="Presswork"`

// authenticate lets through what is open to everybody, and who shows who they are: as a bearer token (RFC 6750) or in
// X-API-Key. auth.From and audit.Actor have the principal in handlers and stores. refused, unless it is nil, is told of every
// credential that was not accepted.
func authenticate(gate Authenticator, rules accessTable, refused RefusalHook) gin.HandlerFunc {
	return func(c *gin.Context) {
		if rules.open(c) {
			c.Next()
			return
		}
		p, err := principalOf(c.Request, gate)
		if r := auth.RefusalOf(err); r != nil {
			if refused != nil {
				ctx := c.Request.Context()
				refused(ctx, *r, networkOf(clientOf(ctx)))
			}
			c.Header("WWW-Authenticate", challengeFor(r.Reason))
			err = fault.New(fault.Unauthenticated, "unauthenticated", r.Error())
		}
		if err != nil {
			abort(c, err)
			return
		}
		ctx := audit.WithActor(auth.WithPrincipal(c.Request.Context(), p), p.ID)
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

func principalOf(r *http.Request, gate Authenticator) (auth.Principal, error) {
	text, ok := credentialOf(r)
	if !ok {
		return auth.Principal{}, auth.Refuse(auth.Malformed, "")
	}
	return gate.Authenticate(r.Context(), text)
}

// stillAllowed asks again whether who opened a long answer may have it: a key is revoked, or loses its role, and a token
// expires. An authenticator that cannot tell just now takes nothing away.
func stillAllowed(gate Authenticator, rules accessTable) func(*gin.Context) bool {
	return func(c *gin.Context) bool {
		p, err := principalOf(c.Request, gate)
		if err != nil {
			return auth.RefusalOf(err) == nil
		}
		a, _ := rules.of(c)
		return a.public || p.Allows(a.needs)
	}
}

// challengeFor says what was wrong (RFC 6750, section 3.1): nothing, if nothing was shown.
func challengeFor(reason auth.Reason) string {
	if reason == auth.Missing {
		return challenge
	}
	return challenge + `, error="invalid_token"`
}

// credentialOf is the bearer token, or else the X-API-Key header; "" if there is neither. false: there is an Authorization header
// that is none, or more than one. It is not taken for absent: who proxies must not show one credential and mean another.
func credentialOf(r *http.Request) (string, bool) {
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		keys := r.Header.Values("X-API-Key")
		return r.Header.Get("X-API-Key"), len(keys) <= 1
	case 1:
		scheme, token, _ := strings.Cut(headers[0], " ")
		token = strings.TrimSpace(token)
		return token, strings.EqualFold(scheme, "Bearer") && token != ""
	default:
		return "", false
	}
}
