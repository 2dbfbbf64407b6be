package syntax

import "github.com/presswork/presswork/internal/template"

// maxNesting bounds how deep expressions and blocks may nest, chains of operators included, so that
// neither parser nor evaluator can exhaust the stack.
const maxNesting = 100

// cursor reads the tokens of one tag.
type cursor struct {
	source string
	end    int
	token  token
	// last is the end of the token before.
	last  int
	depth int
}

// failure carries a syntax error up through the descent.
type failure struct{ err *template.SyntaxError }

func (c *cursor) fail(offset int, format string, args ...any) {
	panic(failure{template.ErrorAt("", c.source, offset, format, args...)})
}

func newCursor(source string, start, end int) *cursor {
	c := &cursor{source: source, end: end, last: start}
	c.read(start)
	return c
}

func (c *cursor) read(pos int) {
	t, problem := next(c.source, pos, c.end)
	if problem != "" {
		c.fail(t.start, "%s", problem)
	}
	c.token = t
}

func (c *cursor) advance() token {
	t := c.token
	c.last = t.end
	c.read(t.end)
	return t
}

func (c *cursor) is(sign string) bool { return c.token.kind == tokenSign && c.token.text == sign }

func (c *cursor) isWord(word string) bool {
	return c.token.kind == tokenName && c.token.text == word
}

func (c *cursor) skip(sign string) bool {
	if !c.is(sign) {
		return false
	}
	c.advance()
	return true
}

func (c *cursor) skipWord(word string) bool {
	if !c.isWord(word) {
		return false
	}
	c.advance()
	return true
}

func (c *cursor) expect(sign string) {
	if !c.skip(sign) {
		c.fail(c.token.start, "expected %s, found %s", sign, c.found())
	}
}

func (c *cursor) expectWord(word string) {
	if !c.skipWord(word) {
		c.fail(c.token.start, "expected %s, found %s", word, c.found())
	}
}

func (c *cursor) name(what string) token {
	if c.token.kind != tokenName {
		c.fail(c.token.start, "expected %s, found %s", what, c.found())
	}
	return c.advance()
}

func (c *cursor) done() {
	if c.token.kind != tokenEnd {
		c.fail(c.token.start, "unexpected %s", c.found())
	}
}

func (c *cursor) found() string {
	if c.token.kind == tokenEnd {
		return "the end of the tag"
	}
	text := c.source[c.token.start:c.token.end]
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return text
}

// nest counts one level of nesting; the result takes it back.
func (c *cursor) nest() func() {
	c.depth++
	if c.depth > maxNesting {
		c.fail(c.token.start, "this expression is nested too deeply (%d levels at most)", maxNesting)
	}
	return func() { c.depth-- }
}
