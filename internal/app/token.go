package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/bearer"
	"github.com/presswork/presswork/internal/config"
)

// TokenOrder is a token that an operator wants.
type TokenOrder struct {
	Subject       string
	Roles, Scopes []string // no Scopes: all that the roles allow
	Lifetime      time.Duration
}

// IssueToken signs a token with SECRET_KEY, as a backend module that shares it would. It needs no server. Nobody believes it
// where tokens are the issuer's own.
func IssueToken(ctx context.Context, o TokenOrder) (string, error) {
	c, err := Environment(ctx, config.Tokens)
	if err != nil {
		return "", err
	}
	if c.JWTIssuer == "" {
		return "", errors.New("PRESSWORK_JWT_ISSUER is not set: the API takes no tokens")
	}
	if c.JWKSURL != "" {
		return "", errors.New("PRESSWORK_JWKS_URL is set: only the issuer makes tokens that the API takes")
	}
	secret, err := keptSecret(c)
	if err != nil {
		return "", err
	}
	g := bearer.Grant{Issuer: c.JWTIssuer, Audience: c.JWTAudience, Subject: o.Subject, RolesClaim: c.JWTRolesClaim, Lifetime: o.Lifetime}
	for _, text := range o.Roles {
		role, known := auth.ParseRole(text)
		if !known {
			return "", fmt.Errorf("%q is no role: there are %v", text, auth.Roles())
		}
		g.Roles = append(g.Roles, role)
	}
	for _, text := range o.Scopes {
		p, known := auth.ParsePermission(text)
		if !known {
			return "", fmt.Errorf("%q is no scope", text)
		}
		g.Scopes = append(g.Scopes, p)
	}
	return bearer.Issue([]byte(secret), g, time.Now())
}

// keptSecret is SECRET_KEY, or, in development, the one in the data folder.
func keptSecret(c *config.Config) (string, error) {
	if c.SecretKey != "" {
		return c.SecretKey, nil
	}
	dir, err := dataDir(c)
	if err != nil {
		return "", err
	}
	kept, err := os.ReadFile(filepath.Join(dir, "secret-key")) //nolint:gosec // the data folder is ours
	if err != nil {
		return "", fmt.Errorf("SECRET_KEY is not set, and there is none in the data folder: %w", err)
	}
	return strings.TrimSpace(string(kept)), nil
}
