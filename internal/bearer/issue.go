package bearer

import (
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/ident"
)

// Grant is what a token is to say.
type Grant struct {
	Issuer, Audience, Subject string
	// RolesClaim is where the roles are; "": DefaultRolesClaim.
	RolesClaim string
	Roles      []auth.Role
	// Scopes narrow the roles; nil: they do not.
	Scopes []auth.Permission
	// Lifetime is from now on.
	Lifetime time.Duration
}

// Issue signs a token with a shared secret (HS256), as a backend module would. It is for operators and tests.
func Issue(secret []byte, g Grant, now time.Time) (string, error) {
	if len(secret) == 0 || g.Subject == "" || g.Lifetime <= 0 {
		return "", errors.New("a token needs a secret, a subject and a lifetime")
	}
	claim := g.RolesClaim
	if claim == "" {
		claim = DefaultRolesClaim
	}
	build := jwt.NewBuilder().Issuer(g.Issuer).Audience([]string{g.Audience}).Subject(g.Subject).
		JwtID(ident.New().String()).IssuedAt(now).Expiration(now.Add(g.Lifetime)).Claim(claim, g.Roles)
	if g.Scopes != nil {
		build = build.Claim("scope", scopeText(g.Scopes))
	}
	token, err := build.Build()
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	headers := jws.NewHeaders()
	if err := headers.Set(jws.TypeKey, "JWT"); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.HS256(), secret, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return string(signed), nil
}

func scopeText(list []auth.Permission) string {
	text := ""
	for i, p := range list {
		if i > 0 {
			text += " "
		}
		text += p.String()
	}
	return text
}
