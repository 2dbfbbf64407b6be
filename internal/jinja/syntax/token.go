package syntax

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenNumber
	tokenString
	tokenSign
)

type token struct {
	kind       tokenKind
	text       string
	start, end int
}

// maxNumber is the longest number literal: enough for every float and 64-bit integer.
const maxNumber = 32

// signs are the operators and brackets, longer ones first.
var signs = [...]string{
	"**", "//", "==", "!=", "<=", ">=",
	"+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|",
}

// next reads the token at or after pos, within end.
func next(source string, pos, end int) (token, string) {
	for pos < end && strings.IndexByte(" \t\r\n", source[pos]) >= 0 {
		pos++
	}
	if pos >= end {
		return token{kind: tokenEnd, start: end, end: end}, ""
	}
	rest := source[pos:end]
	switch c := rest[0]; {
	case c == '"' || c == '\'':
		return stringToken(rest, pos)
	case c >= '0' && c <= '9':
		return numberToken(rest, pos)
	}
	if n := nameLength(rest); n > 0 {
		return token{kind: tokenName, text: rest[:n], start: pos, end: pos + n}, ""
	}
	for _, sign := range signs {
		if strings.HasPrefix(rest, sign) {
			return token{kind: tokenSign, text: sign, start: pos, end: pos + len(sign)}, ""
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{start: pos, end: pos}, "unexpected character " + string(r)
}

// nameLength counts the letters of a name; like the evaluator it takes ASCII names only.
func nameLength(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || isLetter(s[n]) || n > 0 && isDigit(s[n])) {
		n++
	}
	return n
}

func numberToken(s string, pos int) (token, string) {
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '_' || isLetter(s[n]) || isPoint(s, n) || isExponentSign(s, n)) {
		n++
	}
	t := token{kind: tokenNumber, text: s[:n], start: pos, end: pos + n}
	if n > maxNumber {
		return t, "this number is too long"
	}
	return t, ""
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isPoint tells 1.5 from items.0.title, where a letter follows.
func isPoint(s string, i int) bool {
	return s[i] == '.' && i+1 < len(s) && isDigit(s[i+1]) && !strings.Contains(s[:i], ".")
}

func isExponentSign(s string, i int) bool {
	return (s[i] == '+' || s[i] == '-') && i > 0 && s[i-1]|0x20 == 'e' && !strings.HasPrefix(s, "0x")
}

func stringToken(s string, pos int) (token, string) {
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0]:
			return token{kind: tokenString, text: text.String(), start: pos, end: pos + i + 1}, ""
		case c == '\\' && i+1 < len(s):
			i++
			text.WriteByte(s[i])
		default:
			text.WriteByte(c)
		}
	}
	return token{start: pos, end: pos}, "this string is never closed"
}
