// Package credential tells what cannot be a real password, key or token: what documentation and templates have in its
// place, what everybody knows, what is too short to guard anything.
package credential

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// ErrPlaceholder is returned for what stands in the place of a credential.
var ErrPlaceholder = errors.New("is a placeholder")

var errKnown = errors.New("is a default that everybody knows")

// words are what placeholders contain, in whatever letters.
var words = [...]string{
	"dev-secret", "placeholder", "changeme", "change-me", "change_me", "replaceme", "replace-me", "replace_me",
	"your-secret", "your-", "your_", "example", "secret-key", "dummy",
}

// known are values that servers and their guides come with.
var known = []string{
	"admin", "administrator", "default", "guest", "letmein", "none", "null", "pass", "passw0rd", "password", "password1", "postgres",
	"presswork", "qwerty", "root", "secret", "test", "testing", "token", "undefined", "user", "welcome",
	"12345678", "123456789", "1234567890",
}

// Placeholder reports whether a value has a word of documentation in it, is a variable that nobody filled in
// (<token>, ${TOKEN}, {{token}}), or one character again and again.
func Placeholder(value string) bool {
	text := strings.ToLower(strings.TrimSpace(value))
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	unfilled := strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") || strings.Contains(text, "${") || strings.Contains(text, "{{")
	return unfilled || len(text) > 3 && strings.Count(text, text[:1]) == len(text)
}

// Check says why a value cannot be a real credential, without quoting it: ErrPlaceholder, or another error for what
// everybody knows or what has fewer characters than it takes; nil: nothing speaks against it.
func Check(value string, least int) error {
	switch {
	case Placeholder(value):
		return ErrPlaceholder
	case slices.Contains(known, strings.ToLower(strings.TrimSpace(value))):
		return errKnown
	case len(value) < least:
		return fmt.Errorf("has fewer than %d characters", least)
	}
	return nil
}

// Reference reports whether a value says where a manager of secrets has the secret, and is none itself.
func Reference(value string) bool {
	return strings.HasPrefix(value, "aws-sm://") || strings.HasPrefix(value, "vault://")
}

// leastPath is the least length of what is secret in an address: less than that of any webhook's.
const leastPath = 16

// CheckURL says why an address that is a secret as a whole, as those of incoming webhooks are, cannot be a real one: one part of
// its path is a placeholder, or none that is more than a number is long enough to be secret.
func CheckURL(value string) error {
	u, err := url.Parse(value)
	if err != nil {
		return errors.New("is no address")
	}
	secret := ""
	for part := range strings.SplitSeq(u.Path, "/") {
		if Placeholder(part) {
			return ErrPlaceholder
		}
		if len(part) > len(secret) && strings.Trim(part, "0123456789") != "" {
			secret = part
		}
	}
	return Check(secret, leastPath)
}
