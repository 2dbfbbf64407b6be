package credential

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"dev-secret", "changeme", "CHANGEME-0123456789", "Change-Me", "change_me", "replace_me", "replace-me!", "replaceme", "my placeholder",
		"your-secret-here", "your_token", "xo" + "xb-your-token", "AK" + "IAIOSFODNN7EXAMPLE", "my-secret-key", "dummy",
		"<token>", "${SLACK_BOT_TOKEN}", "{{ token }}", "xxxx", "********", " 00000000 "} {
		if !Placeholder(value) || !errors.Is(Check(value, 1), ErrPlaceholder) {
			t.Errorf("%q is none", value)
		}
	}
	for _, value := range []string{"", "x", "xxx", "k3J9-vb2.Q", "a<b>c", "correct horse battery staple", "xxxxxxxxxxxy"} {
		if Placeholder(value) {
			t.Errorf("%q is one", value)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"hunter2-and-more": "", "12345678901": "",
		"PassWord": "is a default that everybody knows", "\tsecret": "is a default that everybody knows", "123456789": "is a default that everybody knows",
		"hunter2": "has fewer than 8 characters", "": "has fewer than 8 characters",
		"example1": "is a placeholder",
	} {
		err := Check(value, 8)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"https://hooks.slack.com/services/T1/B1/k3J9vb2Q8xZ1m4tY7w":                    "",
		"https://discord.com/api/webhooks/123456789012345678/k3J9vb2Q8xZ1m4tY7w/slack": "",
		"https://discord.com/api/webhooks/123456789012345678/k3J9vb2Q":                 "has fewer than 16 characters",
		"https://hooks.slack.com/services/T1/B1/k3J9/":                                 "has fewer than 16 characters",
		"https://hooks.slack.com/services/T1/B1/XXXXXXXXXXXXXX":                        "is a placeholder",
		"https://discord.com/api/webhooks/1/your-token-as-given":                       "is a placeholder",
		"https://hooks.slack.com":                                                      "has fewer than 16 characters",
		"https://[":                                                                    "is no address",
	} {
		err := CheckURL(value)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestReference(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"vault://a/b#c": true, "aws-sm://a": true, "": false, "https://vault": false, "vault": false} {
		if Reference(value) != want {
			t.Errorf("%q", value)
		}
	}
}

// TestNothingIsQuoted of whatever is refused.
func TestNothingIsQuoted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[A-Z0-9]{5,20}`).Draw(t, "value")
		if err := Check(value, 100); err == nil || strings.Contains(err.Error(), value) {
			t.Fatalf("%q: %v", value, err)
		}
	})
}

func FuzzPlaceholder(f *testing.F) {
	f.Add("${TOKEN}")
	f.Add("\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, value string) {
		if Placeholder(value) != errors.Is(Check(value, 0), ErrPlaceholder) {
			t.Errorf("%q: two answers", value)
		}
	})
}
