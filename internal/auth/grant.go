package auth

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
)

const (
	maxKeyName = 100 // characters
	maxRate    = 1_000_000_000
	// DefaultOverlap is how long the old secret of a rotated key stays good, unless told otherwise.
	DefaultOverlap = 24 * time.Hour
	// MaxOverlap is the most.
	MaxOverlap = 30 * 24 * time.Hour
)

// NewKey checks what a key is to be: every field's error at once. scopes are texts; nil: all that the role allows.
func NewKey(name, role string, scopes []string, expires *time.Time, ratePerHour int, now time.Time) (Key, error) {
	var f fault.Fields
	k := Key{Name: strings.TrimSpace(name), ExpiresAt: expires, RatePerHour: ratePerHour}
	switch {
	case k.Name == "":
		f.Add("/name", "required", "is required")
	case utf8.RuneCountInString(k.Name) > maxKeyName:
		f.Add("/name", "too_long", "may have at most %d characters", maxKeyName)
	case strings.ContainsFunc(k.Name, unicode.IsControl):
		f.Add("/name", "format", "must not have control characters")
	}
	var known bool
	if k.Role, known = ParseRole(role); !known {
		f.Add("/role", "unknown", "must be one of %v", Roles())
	}
	k.Scopes = checkScopes(&f, k.Role, known, scopes)
	if expires != nil && !expires.After(now) {
		f.Add("/expires_at", "past", "must be in the future")
	}
	if ratePerHour < 0 || ratePerHour > maxRate {
		f.Add("/rate_per_hour", "range", "must be from 0 to %d", maxRate)
	}
	return k, f.Err()
}

// checkScopes refuses scopes that would do nothing: whoever asks for one expects that it does.
func checkScopes(f *fault.Fields, role Role, known bool, texts []string) []Permission {
	if texts == nil {
		return nil
	}
	list := make([]Permission, 0, len(texts))
	var seen Set
	for i, text := range texts {
		at := fmt.Sprintf("/scopes/%d", i)
		p, ok := ParsePermission(text)
		switch {
		case !ok:
			f.Add(at, "unknown", "is no scope")
		case known && !role.Permissions().Has(p):
			f.Add(at, "not_of_role", "is not allowed to the role %s", role)
		case seen.Has(p):
			f.Add(at, "duplicate", "is there twice")
		default:
			seen |= SetOf(p)
			list = append(list, p)
		}
	}
	return list
}

// MayGrant is nil if by may make, change, rotate or revoke a key like k: nobody hands out, or has power over, more than
// they may do themselves. Who is narrowed by scopes hands out scopes only: a key without them would grow with its role.
func MayGrant(by Principal, k Key) error {
	if by.Permissions().Contains(k.Principal().Permissions()) && (by.Scopes == nil || k.Scopes != nil) {
		return nil
	}
	return fault.New(fault.Forbidden, "forbidden", "This key may do more than you may: it is not yours to give or to change.")
}
