// Package excerpt cuts texts to the lengths that chat services allow.
package excerpt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ellipsis ends what was cut.
const ellipsis = '…'

// Units is what a character costs where nothing is escaped: UTF-16 units. Services do not say whether they
// count those or characters; there are never fewer units.
func Units(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// Cut returns s if it costs at most limit, else as much of its start as does together with "…". It never
// cuts inside a character.
func Cut(s string, limit int, cost func(rune) int) string {
	room := limit - cost(ellipsis)
	total, fits := 0, 0 // fits: how many bytes leave room for the ellipsis
	for i := 0; i < len(s); {
		r, width := utf8.DecodeRuneInString(s[i:])
		total += cost(r)
		i += width
		if total <= room {
			fits = i
		}
		if total > limit {
			if room < 0 {
				return ""
			}
			return s[:fits] + string(ellipsis)
		}
	}
	return s
}

// Split takes as much of the start of s as costs at most limit, which is at least the cost of any character. If that is
// not all, it ends where a paragraph does, or else a line, or else a word, provided that this leaves at least half; the
// white space there belongs to neither part.
func Split(s string, limit int, cost func(rune) int) (head, rest string) {
	total := 0
	for i, r := range s {
		if total += cost(r); total > limit {
			return splitBefore(s, i)
		}
	}
	return s, ""
}

func splitBefore(s string, end int) (head, rest string) {
	for _, mark := range []string{"\n\n", "\n", " "} {
		if at := strings.LastIndex(s[:min(end+len(mark), len(s))], mark); at > 0 && at >= end/2 {
			return strings.TrimRightFunc(s[:at], unicode.IsSpace), strings.TrimLeft(s[at:], mark+"\r")
		}
	}
	return s[:end], s[end:]
}

// Cost is what all of s costs.
func Cost(s string, cost func(rune) int) int {
	total := 0
	for _, r := range s {
		total += cost(r)
	}
	return total
}
