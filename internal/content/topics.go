package content

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
)

const (
	// MaxTopics is how many topics an item, a reader or a publication may have.
	MaxTopics = 50
	// MaxTopic is a topic's length in characters.
	MaxTopic = 100
)

// Topics brings topics to their normal form, without doubles and in their order: trimmed, in lower
// case, with single spaces. The error is of kind fault.Invalid with one field per wrong topic, below
// pointer ("/topics").
func Topics(pointer string, list []string) ([]string, error) {
	var fields fault.Fields
	out := topics(&fields, pointer, list)
	return out, fields.Err()
}

func topics(fields *fault.Fields, pointer string, list []string) []string {
	if len(list) > MaxTopics {
		fields.Add(pointer, "too_many", "There are at most %d topics.", MaxTopics)
		return nil
	}
	out := make([]string, 0, len(list))
	for i, topic := range list {
		topic = strings.ToLower(strings.Join(strings.Fields(topic), " "))
		if n := utf8.RuneCountInString(topic); n < 1 || n > MaxTopic || strings.ContainsFunc(topic, foreign) {
			fields.Add(fmt.Sprintf("%s/%d", pointer, i), "topic",
				"A topic has 1 to %d letters, digits, spaces, hyphens and underscores.", MaxTopic)
			continue
		}
		if !slices.Contains(out, topic) {
			out = append(out, topic)
		}
	}
	return out
}

func foreign(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != ' ' && r != '-' && r != '_'
}
