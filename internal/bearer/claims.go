package bearer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/presswork/presswork/internal/auth"
)

// maxSubject bounds sub, in bytes (OpenID Connect Core, section 2: 255 ASCII characters).
const maxSubject = 255

// claims are what a token says, as far as it matters here.
type claims struct {
	principal auth.Principal
	expires   time.Time
}

// readClaims reads and checks the claims of a token whose signature is good.
func (v *Verifier) readClaims(payload []byte, now time.Time) (claims, error) {
	token := jwt.New()
	if err := json.Unmarshal(payload, token); err != nil {
		return claims{}, auth.Refuse(auth.WrongClaims, "")
	}
	err := jwt.Validate(token,
		jwt.WithClock(jwt.ClockFunc(func() time.Time { return now })), jwt.WithAcceptableSkew(v.o.Skew),
		jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithRequiredClaim(jwt.SubjectKey),
		jwt.WithIssuer(v.o.Issuer), jwt.WithAudience(v.o.Audience))
	if err != nil {
		return claims{}, auth.Refuse(reason(err), "")
	}
	subject, _ := token.Subject()
	expires, _ := token.Expiration()
	if subject == "" || len(subject) > maxSubject || !v.shortEnough(token, expires) {
		return claims{}, auth.Refuse(auth.WrongClaims, "")
	}
	return claims{expires: expires, principal: auth.Principal{
		ID: v.principalID(subject), Roles: roles(words(token, v.o.RolesClaim)), Scopes: scopes(token),
	}}, nil
}

// reason is the first thing that is wrong with a token.
func reason(err error) auth.Reason {
	switch {
	case errors.Is(err, jwt.InvalidIssuerError()):
		return auth.WrongIssuer
	case errors.Is(err, jwt.InvalidAudienceError()):
		return auth.WrongAudience
	case errors.Is(err, jwt.TokenExpiredError()):
		return auth.Expired
	case errors.Is(err, jwt.TokenNotYetValidError()), errors.Is(err, jwt.InvalidIssuedAtError()):
		return auth.NotYet
	default:
		return auth.WrongClaims
	}
}

func (v *Verifier) shortEnough(token jwt.Token, expires time.Time) bool {
	if v.o.MaxLifetime == 0 {
		return true
	}
	issued, given := token.IssuedAt()
	return given && expires.Sub(issued) <= v.o.MaxLifetime
}

// principalID is "user:" and a keyed hash: a subject is an e-mail address with some issuers, and the audit log outlives
// people. The same subject of another issuer is somebody else. Under another SECRET_KEY it is another hash.
func (v *Verifier) principalID(subject string) string {
	mac := hmac.New(sha256.New, v.subjects)
	_, _ = mac.Write([]byte(v.o.Issuer + "\x00" + subject)) // a hash never fails
	return "user:" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// words are the texts of a claim that is a list of them, or one with spaces between; nil: there is no such claim, or it is
// something else.
func words(token jwt.Token, claim string) []string {
	var value any
	if err := token.Get(claim, &value); err != nil {
		return nil
	}
	switch value := value.(type) {
	case string:
		return strings.Fields(value)
	case []any:
		var list []string
		for _, item := range value {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
		return list
	default:
		return nil
	}
}

// roles are those that are ours: an issuer has others, for other services.
func roles(texts []string) []auth.Role {
	var list []auth.Role
	for _, text := range texts {
		if role, known := auth.ParseRole(text); known {
			list = append(list, role)
		}
	}
	return list
}

// scopes narrow a token that has the claim scope (RFC 9068, section 2.2.3), whatever is in it: a claim that cannot be read
// lets nothing through.
func scopes(token jwt.Token) []auth.Permission {
	if !token.Has("scope") {
		return nil
	}
	list := []auth.Permission{}
	for _, text := range words(token, "scope") {
		if p, known := auth.ParsePermission(text); known {
			list = append(list, p)
		}
	}
	return list
}
