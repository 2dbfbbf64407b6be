package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
)

// MaxCredential is the most of a credential that is looked at, in bytes.
const MaxCredential = 8 << 10

// Tokens tells whom a token (RFC 7519) stands for, or returns a Refusal; other errors: it cannot tell just now.
type Tokens interface {
	Verify(ctx context.Context, token string) (Principal, error)
}

// Gate tells whom a credential stands for: the admin key, an API key or a token. It is safe for concurrent use.
type Gate struct {
	admin  [sha256.Size]byte
	open   bool // there is an admin key
	keys   *Keys
	tokens Tokens
}

// NewGate opens to the admin key ("": there is none), to keys (nil: to none) and to tokens (nil: to none).
func NewGate(adminKey string, keys *Keys, tokens Tokens) *Gate {
	return &Gate{admin: sha256.Sum256([]byte(adminKey)), open: adminKey != "", keys: keys, tokens: tokens}
}

// Authenticate is whom a credential stands for, or a Refusal. Another error says that it cannot be told just now. The admin
// key needs nothing but itself: it is good while everything else is away. Digests are compared, so that the time taken says
// nothing about it, its length included.
func (g *Gate) Authenticate(ctx context.Context, credential string) (Principal, error) {
	if credential == "" {
		return Principal{}, Refuse(Missing, "")
	}
	if len(credential) > MaxCredential {
		return Principal{}, Refuse(Malformed, "")
	}
	given := sha256.Sum256([]byte(credential))
	if subtle.ConstantTimeCompare(given[:], g.admin[:]) == 1 && g.open {
		return AdminPrincipal(), nil
	}
	switch {
	case strings.HasPrefix(credential, KeyStart) && g.keys != nil:
		return g.keys.Authenticate(ctx, credential)
	case strings.Count(credential, ".") == 2 && g.tokens != nil:
		return g.tokens.Verify(ctx, credential)
	default:
		return Principal{}, Refuse(Unknown, "")
	}
}
