// Package quoted writes texts in quoted-printable (RFC 2045, 6.7), for mail. A text that thousands of readers get, but
// for a name and some links, is encoded once: see Form.
package quoted

import "strings"

// maxColumn is the longest encoded line without the "=" of a soft break (RFC 2045, 6.7: at most 76).
const maxColumn = 75

const hexDigits = "0123456789ABCDEF"

// literal holds the bytes that stand for themselves: printable ASCII but "=", blank and tab.
var literal = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '='
	}
	t['\t'] = true
	return t
}()

const (
	crlf      = "\r\n"
	softBreak = "=\r\n"
)

// Append adds s in quoted-printable to dst and returns the longer slice. "\n", "\r\n" and a lone "\r" become CRLF. Blanks at the end
// of a line are encoded as RFC 2045 asks; so are a dot at its start, which an SMTP relay might double or
// drop, and the F of "From ", which mailbox files would change.
func Append(dst []byte, s string) []byte {
	start := len(dst) // of the present line
	for i := 0; i < len(s); {
		column := len(dst) - start
		if column == 0 && (s[i] == '.' || strings.HasPrefix(s[i:], "From ")) {
			dst = appendByte(dst, s[i])
			i++
			continue
		}
		run := i
		for end := min(len(s), i+maxColumn-column); run < end && literal[s[run]]; run++ {
		}
		dst = append(dst, s[i:run]...)
		column += run - i
		i = run
		if i == len(s) {
			break
		}
		switch c := s[i]; {
		case c == '\n' || c == '\r':
			dst = encodeBlank(dst, start)
			dst = append(dst, crlf...)
			start = len(dst)
			if i++; c == '\r' && i < len(s) && s[i] == '\n' {
				i++
			}
		case literal[c] || column+3 > maxColumn:
			dst = append(dst, softBreak...)
			start = len(dst)
		default:
			dst = appendByte(dst, c)
			i++
		}
	}
	return encodeBlank(dst, start)
}

// encodeBlank encodes the blank or tab that the line ends in, if it does.
func encodeBlank(dst []byte, start int) []byte {
	last := len(dst) - 1
	if last < start || (dst[last] != ' ' && dst[last] != '\t') {
		return dst
	}
	blank := dst[last]
	dst = dst[:last]
	if len(dst)-start+3 > maxColumn {
		dst = append(dst, softBreak...)
	}
	return appendByte(dst, blank)
}

func appendByte(dst []byte, c byte) []byte {
	return append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
}
