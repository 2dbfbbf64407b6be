// Package canonical reads names of topics, languages and countries into the one form in which they are stored and
// compared, so that what an author, a reader and a publication call the same is the same string.
package canonical

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

const (
	// MaxTopic is a topic's length in characters (REQUIREMENTS B7).
	MaxTopic = 100
	// maxLanguage is what RFC 5646, 4.4.1 says to make room for.
	maxLanguage = 35
)

// Errors of Topic, Language and Country. They name no part of the text.
var (
	ErrTopic    = errors.New("must be 1 to 100 letters, digits, spaces, hyphens and underscores")
	ErrLanguage = errors.New("must be a language tag (BCP 47) like en, pt-BR or zh-Hant")
	ErrCountry  = errors.New("must be a country's code of two letters (ISO 3166-1) like PT")
)

// Topic is a topic's slug: trimmed, with single spaces, in lower case, composed (Unicode NFC), so that
// equal topics are equal strings. Reading a slug gives the same again.
func Topic(text string) (string, error) {
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

// Language is a tag in its canonical form: "pt-br" and "pt_BR" are pt-BR. A tag of no language in particular
// (und) is refused. Reading the result gives the same again.
func Language(text string) (string, error) {
	if len(text) > maxLanguage {
		return "", ErrLanguage
	}
	tag, err := language.Parse(text)
	if err != nil || tag.IsRoot() || len(tag.String()) > maxLanguage {
		return "", ErrLanguage
	}
	// A singleton that comes twice is against RFC 5646, 2.2.6, and loses a part with each reading.
	if again, err := language.Parse(tag.String()); err != nil || again != tag {
		return "", ErrLanguage
	}
	return tag.String(), nil
}
