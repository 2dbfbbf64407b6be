package mime

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// Text is folded at 78 characters (RFC 5322, 2.1.1), encoded words at 76 (RFC 2047, 2). Single tokens,
// such as links, stay on one line, because not every reader unfolds them; 998 is the bound.
const (
	foldAt   = 78
	encodeAt = 76
	lineMax  = 998
)

// header writes fields into buf. The first problem is kept in err, and nothing written after it counts.
//
// Every field goes through one of its methods, and each keeps line breaks out in its own way: text turns
// control characters into blanks, token and mailbox refuse whatever is not visible ASCII.
type header struct {
	buf   []byte
	start int // of the present line
	err   error
}

func (h *header) begin(name string) {
	h.start = len(h.buf)
	h.buf = append(h.buf, name...)
	h.buf = append(h.buf, ": "...)
}

func (h *header) end() { h.buf = append(h.buf, crlf...) }

func (h *header) column() int { return len(h.buf) - h.start }

// fold starts a new line in place of the blank that the present one ends in.
func (h *header) fold() {
	h.buf = append(h.buf[:len(h.buf)-1], crlf...)
	h.start = len(h.buf)
	h.buf = append(h.buf, ' ')
}

func (h *header) date(at time.Time) {
	h.begin("Date")
	h.buf = at.AppendFormat(h.buf, time.RFC1123Z)
	h.end()
}

// token writes a value that must not be changed or broken, and that may not be empty: one word of
// visible ASCII between before and after.
func (h *header) token(name, before, value, after string) {
	length := len(before) + len(value) + len(after)
	if value == "" || length > lineMax-1 || !visible(before) || !visible(value) || strings.ContainsAny(value, "<>") {
		h.refuse("invalid_header", "The header "+name+" is empty, too long or not made of visible ASCII characters.")
		return
	}
	h.begin(name)
	if h.column()+length > lineMax {
		h.fold()
	}
	h.buf = append(h.buf, before...)
	h.buf = append(h.buf, value...)
	h.buf = append(h.buf, after...)
	h.end()
}

// text writes free text: as it is if that is safe, else in encoded words.
func (h *header) text(name, value string) {
	h.begin(name)
	if value = cleanText(value); foldable(value) && !strings.Contains(value, "=?") {
		h.words(value)
	} else {
		h.encodedWords(value)
	}
	h.end()
}

// words writes blank-separated words, folding between them.
func (h *header) words(value string) {
	for len(value) > 0 {
		length := strings.IndexByte(value, ' ') + 1
		if length == 0 {
			length = len(value)
		}
		if h.column()+length > foldAt && h.buf[len(h.buf)-1] == ' ' {
			h.fold()
		}
		h.buf = append(h.buf, value[:length]...)
		value = value[length:]
	}
}

// mailbox writes "name <address>" or the bare address.
func (h *header) mailbox(name string, a channel.Address) {
	address, err := Mailbox(a.Email)
	if err != nil {
		h.refuse("invalid_address", "The address in the header "+name+" is not valid.")
		return
	}
	h.begin(name)
	if display := cleanText(a.Name); display != "" {
		h.phrase(display)
		h.buf = append(h.buf, ' ')
		if h.column()+len(address)+2 > encodeAt {
			h.fold()
		}
	}
	h.buf = append(h.buf, '<')
	h.buf = append(h.buf, address...)
	h.buf = append(h.buf, '>')
	h.end()
}

// phrase writes a display name: words, a quoted string or encoded words.
func (h *header) phrase(name string) {
	switch {
	case foldable(name) && atoms(name):
		h.words(name)
	case foldable(name) && h.column()+2*len(name)+2 <= foldAt && !strings.Contains(name, "=?"):
		h.buf = append(h.buf, '"')
		for i := range len(name) {
			if name[i] == '"' || name[i] == '\\' {
				h.buf = append(h.buf, '\\')
			}
			h.buf = append(h.buf, name[i])
		}
		h.buf = append(h.buf, '"')
	default:
		h.encodedWords(name)
	}
}

func (h *header) refuse(code, detail string) {
	if h.err == nil {
		h.err = fault.New(fault.GiveUp, code, detail)
	}
}

// cleanText makes valid UTF-8 of s, with a blank for each control character, and trims it.
func cleanText(s string) string {
	if !clean(s) {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(s, string(utf8.RuneError)))
	}
	return strings.TrimSpace(s)
}

// clean reports whether s is ASCII without control characters, the common case.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// foldable reports whether s can be written as it is: printable ASCII with single blanks, which folding
// keeps, between words short enough to fit a line.
func foldable(s string) bool {
	word := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c > '~' || c < ' ' || word > 60:
			return false
		case c == ' ':
			if i > 0 && s[i-1] == ' ' {
				return false
			}
			word = 0
		default:
			word++
		}
	}
	return true
}

// visible reports whether s has nothing but visible ASCII characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
