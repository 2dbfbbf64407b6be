package subscriber

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// Topic is something readers may choose to read about.
type Topic struct {
	ID  int32
	UID ident.UID
	// Slug is what contents, subscribers and audiences name it by. It never changes.
	Slug string
	// Name is how it is shown.
	Name      string
	CreatedAt time.Time
}

// ErrTopic is returned for text that cannot be a topic.
var ErrTopic = errors.New("must be 1 to 100 letters, digits, spaces, hyphens and underscores")

// ParseTopic is a topic's slug: trimmed, with single spaces, in lower case, composed (Unicode NFC), so that
// equal topics are equal strings. Parsing a slug gives the same again.
func ParseTopic(text string) (string, error) {
	if len(text) > 8*MaxTopic {
		return "", ErrTopic
	}
	slug := norm.NFC.String(strings.ToLower(norm.NFC.String(strings.Join(strings.Fields(text), " "))))
	if slug == "" || !utf8.ValidString(text) || utf8.RuneCountInString(slug) > MaxTopic {
		return "", ErrTopic
	}
	if strings.ContainsFunc(slug, notInTopic) {
		return "", ErrTopic
	}
	return slug, nil
}

// notInTopic lets marks through: many scripts write letters with them.
func notInTopic(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != ' ' && r != '-' && r != '_'
}

// topics are slugs, sorted, each once.
func topics(f *fault.Fields, given []string) []string {
	if len(given) > MaxTopics {
		f.Add("/topics", "too_many", "must be at most %d topics", MaxTopics)
		return nil
	}
	slugs := make([]string, 0, len(given))
	for i, text := range given {
		slug, err := ParseTopic(text)
		if err != nil {
			f.Add(fmt.Sprintf("/topics/%d", i), "format", "%s", err)
			continue
		}
		slugs = append(slugs, slug)
	}
	slices.Sort(slugs)
	return slices.Compact(slugs)
}

// NewTopic checks a topic's name and makes its slug of it, unless one is given. It returns Invalid with
// every problem at /name and /slug.
func NewTopic(name, slug string) (Topic, error) {
	var f fault.Fields
	t := Topic{Name: line(&f, "/name", name, MaxTopic)}
	if t.Name == "" {
		f.Add("/name", "required", "is required")
	}
	if slug == "" {
		slug = t.Name
	}
	parsed, err := ParseTopic(slug)
	if err != nil && slug != "" {
		f.Add("/slug", "format", "%s", err)
	}
	t.Slug = parsed
	return t, f.Err()
}
