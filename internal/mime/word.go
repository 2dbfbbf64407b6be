package mime

import (
	"encoding/base64"
	"unicode/utf8"
)

const (
	wordStart = "=?utf-8?B?"
	wordEnd   = "?="
)

// encodedWords writes valid UTF-8 as RFC 2047 encoded words in base64, one on each line. No character is
// divided between two words, as the RFC demands.
func (h *header) encodedWords(s string) {
	for len(s) > 0 {
		room := (encodeAt - h.column() - len(wordStart) - len(wordEnd)) / 4 * 3
		length := whole(s, room)
		if length == 0 {
			// Only just after a long field name or address: the next line has room for any character.
			h.fold()
			continue
		}
		h.buf = append(h.buf, wordStart...)
		h.buf = base64.StdEncoding.AppendEncode(h.buf, []byte(s[:length]))
		h.buf = append(h.buf, wordEnd...)
		if s = s[length:]; len(s) > 0 {
			h.buf = append(h.buf, ' ')
			h.fold()
		}
	}
}

// whole is the length of the longest start of s that has at most limit bytes and no broken character.
func whole(s string, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return max(limit, 0)
}
