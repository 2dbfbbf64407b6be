// Package auth says who may do what: roles, permissions, the API's keys, and whom a credential stands for. How tokens of
// others are verified is internal/bearer's, where keys are kept internal/postgres'.
package auth

import (
	"context"

	"github.com/presswork/presswork/internal/ident"
)

// AdminID is the principal of the key in PRESSWORK_API_KEY.
const AdminID = "key:admin"

// Principal is who makes a request.
type Principal struct {
	// ID names it in the audit log and owns its idempotency keys: "key:admin", "key:" and the uid of an API key, or
	// "user:" and a hash of the token's issuer and subject. It is no personal data, and stays the same.
	ID    string
	Roles []Role
	// Scopes narrow what the roles allow, and add nothing. nil: all of it; empty: nothing.
	Scopes []Permission
	// RatePerHour is how many requests it has in an hour; 0: the configured number.
	RatePerHour int
	// KeyUID is of the API key; zero: it has shown none of those.
	KeyUID ident.UID
}

// AdminPrincipal is who shows the admin key.
func AdminPrincipal() Principal { return Principal{ID: AdminID, Roles: []Role{Admin}} }

// Permissions is what the principal may do: what any of its roles allows, of what its scopes let through.
func (p Principal) Permissions() Set {
	var of Set
	for _, role := range p.Roles {
		of |= role.Permissions()
	}
	if p.Scopes != nil {
		of &= SetOf(p.Scopes...)
	}
	return of
}

// Allows reports whether the principal may do it.
func (p Principal) Allows(what Permission) bool { return p.Permissions().Has(what) }

type principalKey struct{}

// WithPrincipal carries who makes the request.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From is the principal that ctx carries; false: nobody has shown who they are.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
