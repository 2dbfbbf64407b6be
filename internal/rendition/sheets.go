package rendition

import "strings"

// pieceSize is how long a piece of a style sheet is at least, in bytes.
const pieceSize = 256

// styleElements are style elements with the start tag and the rules, one after the other, a few in each: for every word the inliner's
// scanner prepares itself for all that is left of an element, so that a long one costs many times what its parts do.
func styleElements(tag, css string) string {
	return tag + strings.Join(pieces(css), "</style>"+tag) + "</style>"
}

// pieces cuts a style sheet between its rules. Read one after the other they mean what the whole does, whatever it is: a sheet with
// anything in it that the scanner does not read as these lines do stays whole.
func pieces(css string) []string {
	if strings.ContainsAny(css, "\\\x00\ufeff") || strings.Contains(css, "url(") {
		return []string{css}
	}
	var list []string
	for rest := css; ; {
		n := ruleEnd(rest)
		switch {
		case n < 0:
			return []string{css}
		case n == 0:
			return append(list, rest)
		}
		for n < pieceSize {
			more := ruleEnd(rest[n:])
			if more < 0 {
				return []string{css}
			}
			if more == 0 {
				break
			}
			n += more
		}
		list, rest = append(list, rest[:n]), rest[n:]
	}
}

// ruleEnd is where the first rule of a sheet ends; 0 if there is no whole one, and negative if it may be read in another way.
func ruleEnd(css string) int {
	depth, deepest := 0, 1
	for i := 0; i < len(css); i++ {
		switch css[i] {
		case '"', '\'':
			n, whole := inQuotes(css[i:])
			if !whole {
				return -1
			}
			i += n
		case '/':
			n, whole := comment(css[i:])
			if !whole {
				return -1
			}
			i += n
		case '@':
			if strings.TrimSpace(css[:i]) != "" || !isMedia(css[i:]) {
				return -1
			}
			deepest = 2
		case '{':
			if depth++; depth > deepest {
				return -1
			}
		case '}':
			switch depth--; {
			case depth < 0:
				return -1
			case depth == 0:
				return i + 1
			}
		}
	}
	return 0
}

// inQuotes is how far behind the first byte the text in quotes reaches that css begins with, and whether it is one to the scanner.
func inQuotes(css string) (n int, whole bool) {
	for i := 1; i < len(css); i++ {
		switch c := css[i]; {
		case c == css[0]:
			return i, true
		case c < ' ' || c > '~':
			return 0, false
		}
	}
	return 0, false
}

// comment is how far behind the first byte the comment reaches that css begins with, if it does, and whether it has one end only:
// one with further asterisks may be read to the end of another.
func comment(css string) (n int, whole bool) {
	if !strings.HasPrefix(css, "/*") {
		return 0, true
	}
	at := strings.IndexByte(css[2:], '*')
	if at < 0 || !strings.HasPrefix(css[2+at:], "*/") {
		return 0, false
	}
	return 2 + at + 1, true
}

// isMedia reports that css begins with a media query.
func isMedia(css string) bool {
	query, ok := strings.CutPrefix(css, "@media ")
	query = strings.TrimLeft(query, " \t\n")
	return ok && query != "" && (query[0] == '(' || query[0]|0x20 >= 'a' && query[0]|0x20 <= 'z')
}
