package rendition

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// token is a piece of HTML as it stands in the source.
type token struct {
	kind html.TokenType
	raw  string
	// name is the element's, in lower case, of start and end tags.
	name string
}

// tokenize cuts HTML into raw tokens, which together are the source, byte for byte.
func tokenize(source string) []token {
	tokens := html.NewTokenizer(strings.NewReader(source))
	var out []token
	rest := source
	for {
		kind := tokens.Next()
		raw := bytes.Clone(tokens.Raw())
		rest = rest[len(raw):]
		if kind == html.ErrorToken {
			if tail := string(raw) + rest; tail != "" {
				out = append(out, token{kind: html.TextToken, raw: tail})
			}
			return out
		}
		t := token{kind: kind, raw: string(raw)}
		if kind != html.TextToken && kind != html.CommentToken {
			name, _ := tokens.TagName()
			t.name = string(name)
		}
		out = append(out, t)
	}
}

// isStart says whether t opens an element.
func (t token) isStart() bool {
	return t.kind == html.StartTagToken || t.kind == html.SelfClosingTagToken
}

// attr is an attribute as it stands in a raw tag.
type attr struct {
	// name is in lower case; value is raw, without quotes.
	name, value string
	// start and end bound the attribute, valueStart and valueEnd its value with quotes.
	start, end, valueStart, valueEnd int
}

// attributes reads the attributes of a raw start tag, by the rules of the HTML standard, with their places.
func attributes(raw string) []attr {
	var out []attr
	pos := 1
	for pos < len(raw) && !isSpace(raw[pos]) && raw[pos] != '/' && raw[pos] != '>' {
		pos++
	}
	for {
		for pos < len(raw) && (isSpace(raw[pos]) || raw[pos] == '/') {
			pos++
		}
		if pos >= len(raw) || raw[pos] == '>' {
			return out
		}
		a := attr{start: pos}
		for pos++; pos < len(raw) && !isSpace(raw[pos]) && strings.IndexByte("=/>", raw[pos]) < 0; {
			pos++
		}
		a.name, a.end = strings.ToLower(raw[a.start:pos]), pos
		pos = a.readValue(raw, pos)
		out = append(out, a)
	}
}

// readValue reads = and a value, if they follow, and returns where the attribute ends.
func (a *attr) readValue(raw string, pos int) int {
	at := pos
	for at < len(raw) && isSpace(raw[at]) {
		at++
	}
	if at >= len(raw) || raw[at] != '=' {
		return pos
	}
	for at++; at < len(raw) && isSpace(raw[at]); {
		at++
	}
	a.valueStart = at
	if at < len(raw) && (raw[at] == '"' || raw[at] == '\'') {
		end := strings.IndexByte(raw[at+1:], raw[at])
		if end < 0 {
			end = len(raw) - at - 1
		}
		a.value = raw[at+1 : at+1+end]
		a.valueEnd = min(at+1+end+1, len(raw))
	} else {
		end := at
		for end < len(raw) && !isSpace(raw[end]) && raw[end] != '>' {
			end++
		}
		a.value, a.valueEnd = raw[at:end], end
	}
	a.end = a.valueEnd
	return a.end
}

func isSpace(c byte) bool { return strings.IndexByte(" \t\r\n\f", c) >= 0 }
