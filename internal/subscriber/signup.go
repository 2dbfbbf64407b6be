package subscriber

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
)

// SignUp is what somebody who wants to subscribe has filled in.
type SignUp struct {
	Email, Name, Language string
	// Topics are slugs, sorted.
	Topics []string
}

// NewSignUp checks a form. Only the address and the topics can be wrong, with errors as of New: a name and a language that are none
// are left out.
func NewSignUp(email, name, language string, slugs []string) (SignUp, error) {
	if _, err := canonical.Language(strings.TrimSpace(language)); err != nil {
		language = ""
	}
	s, err := New(Input{Email: email, Name: givenName(name), Language: language, Topics: slugs, Status: string(Pending)})
	return SignUp{Email: s.Email, Name: s.Name, Language: s.Language, Topics: s.Topics}, err
}

// address is what mail programs make a link of, though it has no scheme: www.example, example.org.
var address = regexp.MustCompile(`\.\pL{2}`)

// givenName is what a form says that a reader is called, on one line; empty if nobody is called so. Whoever fills in the form for
// another address has a letter sent there, which is not to carry what they want to say.
func givenName(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxName || strings.ContainsFunc(text, unicode.IsControl) ||
		strings.ContainsAny(text, "/\\:@") || address.MatchString(text) {
		return ""
	}
	return text
}
