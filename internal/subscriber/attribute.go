package subscriber

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
)

// attributes checks names and values; the result is never nil.
func attributes(f *fault.Fields, given map[string]any) map[string]any {
	out := make(map[string]any, len(given))
	if len(given) > MaxAttributes {
		f.Add("/attributes", "too_many", "must be at most %d attributes", MaxAttributes)
		return out
	}
	for i, name := range slices.Sorted(maps.Keys(given)) {
		if !attributeName(name) {
			f.Add("/attributes", "format", "has at place %d a name that is not 1 to %d ASCII letters, digits, "+
				"hyphens and underscores beginning with a letter", i+1, MaxAttributeName)
			continue
		}
		if detail := attributeProblem(given[name]); detail != "" {
			f.Add("/attributes/"+name, "format", "%s", detail)
			continue
		}
		out[name] = given[name]
	}
	// Marshal cannot fail: only strings, finite numbers and truth values are left.
	if text, err := json.Marshal(out); err != nil || len(text) > MaxAttributeBytes {
		f.Add("/attributes", "too_long", "must be at most %d bytes as JSON", MaxAttributeBytes)
	}
	return out
}

// attributeName reports a name that templates and segments can spell.
func attributeName(name string) bool {
	if name == "" || len(name) > MaxAttributeName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

func attributeProblem(value any) string {
	switch v := value.(type) {
	case bool, int, int64:
		return ""
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return ""
		}
	case string:
		if utf8.ValidString(v) && !strings.ContainsRune(v, 0) {
			return ""
		}
		return "must be text in UTF-8 without the character U+0000"
	}
	return "must be a string, a number, true or false"
}
