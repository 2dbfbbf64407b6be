package subscriber_test

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/subscriber"
)

// TestSignUpNames: people are called what they like, and nobody sends a stranger an address by the letter that asks them.
func TestSignUpNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", " Ada\tLovelace\n": "Ada Lovelace", "Ada\u00a0Lovelace": "Ada Lovelace", "J.R.R. Tolkien": "J.R.R. Tolkien", "O'Neil-Grüße Jr.": "O'Neil-Grüße Jr.",
		"عائشة": "عائشة", "王小明": "王小明", strings.Repeat("ä", subscriber.MaxName): strings.Repeat("ä", subscriber.MaxName),
		strings.Repeat("ä", subscriber.MaxName+1): "", "https://evil.example": "", "evil.example/win": "", "Win: evil": "", "www.evil": "", "a@evil.example": "",
		"Ada\x00": "", "Ada\x7f": "", "Ada\xff": "", `\\evil`: "",
	} {
		up, err := subscriber.NewSignUp("ada@x.org", given, "de", nil)
		if err != nil || up.Name != want {
			t.Errorf("%q became %q, %v; want %q", given, up.Name, err, want)
		}
	}
}

// TestSignUp: what somebody did not write themselves is no error that they could mend.
func TestSignUp(t *testing.T) {
	t.Parallel()
	up, err := subscriber.NewSignUp(" ADA@X.org ", "Ada", "tlh-!", []string{"go", "art"})
	if err != nil || up.Email != "ada@x.org" || up.Language != subscriber.DefaultLanguage || strings.Join(up.Topics, " ") != "art go" {
		t.Errorf("%+v, %v", up, err)
	}
	for _, email := range []string{"", "ada", "ada@deleted.invalid"} {
		if _, err := subscriber.NewSignUp(email, "Ada", "en", nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", email, err)
		}
	}
}
