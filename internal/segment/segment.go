// Package segment is audiences by rule: who has chosen a topic, lives somewhere, opens what they get. A rule is JSON
// (docs/segments.md), read into types that cannot be wrong; what it means is said by the comments of those types, and in SQL
// by internal/postgres.
package segment

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// Segment is a rule with a name. Of all readers only active ones ever belong to it.
type Segment struct {
	ID  int32
	UID ident.UID
	// Slug is what audiences and other segments name it by. It never changes.
	Slug        string
	Name        string
	Description string
	Rule        Rule
	// Names are the places where the rule that New read names topics, so that one that does not exist is told where it stands.
	Names     []Name
	Version   int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Limits of a segment's texts, in characters.
const (
	MaxName        = canonical.MaxTopic
	MaxDescription = 500
)

// Slug brings the slug of a segment into its canonical form, which is that of a topic's.
func Slug(text string) (string, error) { return canonical.Topic(text) }

// New checks what a client says of a segment and makes the slug of the name, unless one is given. rule is JSON, or nil if
// it is missing. It returns Invalid with every problem.
func New(name, slug, description string, rule []byte) (Segment, error) {
	var f fault.Fields
	s := Segment{Name: line(&f, "/name", name, MaxName), Description: line(&f, "/description", description, MaxDescription)}
	if s.Name == "" {
		f.Add("/name", "required", "is required")
	}
	if slug == "" {
		slug = s.Name
	}
	var err error
	if s.Slug, err = Slug(slug); err != nil && slug != "" {
		f.Add("/slug", "format", "%s", err)
	}
	if rule == nil {
		f.Add("/rule", "required", "is required")
	} else if s.Rule, err = Parse(rule, "/rule"); fault.Is(err, fault.Malformed) {
		return Segment{}, err
	} else if err != nil {
		f.Join(err)
	}
	s.Names = Names(rule, "/rule")
	return s, f.Err()
}

func line(f *fault.Fields, pointer, text string, limit int) string {
	text = strings.TrimSpace(text)
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		f.Add(pointer, "format", "must be one line of text")
	} else if utf8.RuneCountInString(text) > limit {
		f.Add(pointer, "too_long", "must be at most %d characters", limit)
	}
	return text
}
