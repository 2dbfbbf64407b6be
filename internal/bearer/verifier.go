// Package bearer verifies JSON Web Tokens (RFC 7519): those of a backend module that shares SECRET_KEY (HS256), or those
// that it signs with keys of its own, which it publishes as a JWK Set (RFC 7517). Which of the two is a matter of the
// configuration, and which algorithm of the key: never of the token.
package bearer

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/keep"
)

const (
	// DefaultSkew is how far the clocks of the issuer and ours may be apart.
	DefaultSkew = 30 * time.Second
	// MaxSkew is the most that may be configured.
	MaxSkew = 60 * time.Second
	// DefaultRolesClaim has the roles, unless told otherwise (RFC 9068, section 2.2.3.1).
	DefaultRolesClaim = "roles"
	// MaxToken is the most of a token that is read, in bytes.
	MaxToken = auth.MaxCredential

	// verifiedLife is how long a verified token is believed without looking again; a key that is withdrawn counts for
	// that much longer. A signature of ES256 takes some 60 µs to verify, the look into a map none.
	verifiedLife = time.Minute
	verifiedKept = 10_000
	// subjectInfo separates this use of SECRET_KEY from every other (RFC 5869, section 3.2).
	subjectInfo = "presswork token subject v1"
)

// Options say which tokens are believed.
type Options struct {
	// Issuer and Audience have to be the token's, or among its audiences. Both are needed.
	Issuer, Audience string
	// Secrets are SECRET_KEY and its previous values. Tokens are signed with the raw value, since the module that signs
	// them shares it; every other use derives a key of its own. The first one is what subjects are hashed under.
	Secrets [][]byte
	// Keys are the issuer's. With them no token that was signed with a secret is believed; nil: only those are.
	Keys *KeySet
	// Skew is how far clocks may be apart; 0: DefaultSkew.
	Skew time.Duration
	// MaxLifetime refuses tokens that are good for longer than that after their iat; 0: any.
	MaxLifetime time.Duration
	// RolesClaim has the roles, as a list or with spaces between; "": DefaultRolesClaim.
	RolesClaim string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Verifier tells whom a token stands for. It is safe for concurrent use.
type Verifier struct {
	o        Options
	subjects []byte // what subjects are hashed under
	verified *keep.Recent[[sha256.Size]byte, auth.Principal]
}

// New makes a verifier. It fails for want of an issuer, an audience or a secret.
func New(o Options) (*Verifier, error) {
	if o.Issuer == "" || o.Audience == "" || len(o.Secrets) == 0 || len(o.Secrets[0]) == 0 {
		return nil, errors.New("tokens need an issuer, an audience and a secret")
	}
	if o.Skew < 0 || o.Skew > MaxSkew {
		return nil, fmt.Errorf("the clock skew must be from 0 to %s", MaxSkew)
	}
	if o.Skew == 0 {
		o.Skew = DefaultSkew
	}
	if o.RolesClaim == "" {
		o.RolesClaim = DefaultRolesClaim
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	subjects, err := hkdf.Key(sha256.New, o.Secrets[0], nil, subjectInfo, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of subjects: %w", err)
	}
	return &Verifier{o: o, subjects: subjects, verified: keep.NewRecent[[sha256.Size]byte, auth.Principal](verifiedKept)}, nil
}

// Verify is whom a token stands for. It returns an auth.Refusal, or, while the issuer's keys are not known, Unavailable.
func (v *Verifier) Verify(ctx context.Context, token string) (auth.Principal, error) {
	if len(token) > MaxToken {
		return auth.Principal{}, auth.Refuse(auth.Malformed, "")
	}
	now := v.o.Now()
	return v.verified.Get(ctx, sha256.Sum256([]byte(token)), now, func(ctx context.Context) (auth.Principal, time.Time, error) {
		return v.verify(ctx, []byte(token), now)
	})
}

// verify looks at the signature first: nothing that somebody else wrote is told apart any further.
func (v *Verifier) verify(ctx context.Context, token []byte, now time.Time) (auth.Principal, time.Time, error) {
	h, err := readHeader(token)
	if err != nil {
		return auth.Principal{}, time.Time{}, err
	}
	candidates, err := v.candidates(ctx, h)
	if err != nil {
		return auth.Principal{}, time.Time{}, err
	}
	for _, key := range candidates {
		payload, err := jws.Verify(token, jws.WithCompact(), jws.WithKey(h.algorithm, key))
		if err != nil {
			continue
		}
		c, err := v.readClaims(payload, now)
		if err != nil {
			return auth.Principal{}, time.Time{}, err
		}
		until := now.Add(verifiedLife)
		if end := c.expires.Add(v.o.Skew); end.Before(until) {
			until = end
		}
		return c.principal, until, nil
	}
	return auth.Principal{}, time.Time{}, auth.Refuse(auth.WrongSignature, h.kid)
}

// candidates are the keys that may have signed a token with this header, all of them for its algorithm.
func (v *Verifier) candidates(ctx context.Context, h header) ([]any, error) {
	if v.o.Keys != nil {
		return v.o.Keys.candidates(ctx, h)
	}
	if h.algorithm != jwa.HS256() {
		return nil, auth.Refuse(auth.WrongAlgorithm, "")
	}
	keys := make([]any, 0, len(v.o.Secrets))
	for _, secret := range v.o.Secrets {
		keys = append(keys, secret)
	}
	return keys, nil
}
