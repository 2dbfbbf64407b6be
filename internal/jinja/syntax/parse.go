package syntax

import (
	"errors"
	"slices"
	"strings"

	"github.com/presswork/presswork/internal/template"
)

// maxTags bounds the tags of a source. The evaluator's lexer looks through the rest of the source for
// each of them, so that its time grows with tags times bytes; real mails have a few hundred.
const maxTags = 2000

// parser reads the statements of a source.
type parser struct {
	source   string
	segments []template.Segment
	pos      int
	depth    int
	// loops counts the for loops around the present place, for break and continue.
	loops int
	// extended says that there was an extends.
	extended bool
}

// Parse reads a source. It returns *template.SyntaxError, without a name, for everything that is
// wrong. It never evaluates anything.
func Parse(source string) (body []*Stmt, err error) {
	segments, err := template.Scan(source)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			body, err = nil, f.err
		}
	}()
	p := &parser{source: source, segments: segments}
	p.countTags()
	body, _, _ = p.body(nil)
	return body, nil
}

func (p *parser) countTags() {
	tags := 0
	for _, s := range p.segments {
		if s.Kind == template.Literal {
			continue
		}
		if tags++; tags > maxTags {
			p.fail(s.Start, "this template has too many tags (%d at most)", maxTags)
		}
	}
}

func (p *parser) fail(offset int, format string, args ...any) {
	panic(failure{template.ErrorAt("", p.source, offset, format, args...)})
}

// body reads statements up to one of the words in until, which it consumes, or to the source's end
// if until is empty. It returns that word and a cursor behind it.
func (p *parser) body(open *Stmt, until ...string) ([]*Stmt, string, *cursor) {
	p.depth++
	if p.depth > maxNesting {
		p.fail(open.Start, "blocks are nested too deeply (%d levels at most)", maxNesting)
	}
	defer func() { p.depth-- }()
	var out []*Stmt
	for p.pos < len(p.segments) {
		segment := p.segments[p.pos]
		p.pos++
		switch segment.Kind {
		case template.Literal, template.Raw:
			out = append(out, &Stmt{Kind: Text, Start: segment.InnerStart, Size: segment.InnerEnd - segment.InnerStart})
		case template.Output:
			c := p.cursor(segment)
			expr := c.expression()
			c.done()
			out = append(out, &Stmt{Kind: Emit, Start: segment.Start, Close: segment.InnerEnd, Expr: expr})
		case template.Statement:
			c := p.cursor(segment)
			word := c.name("the name of a tag").text
			if slices.Contains(until, word) {
				return out, word, c
			}
			out = append(out, p.statement(segment, word, c))
		case template.Comment:
		}
	}
	if len(until) > 0 {
		p.fail(open.Start, "this block is never closed: %s is missing", strings.Join(until, " or "))
	}
	return out, "", nil
}

func (p *parser) cursor(segment template.Segment) *cursor {
	return newCursor(p.source, segment.InnerStart, segment.InnerEnd)
}

// closing reads the body up to the end word, and that tag to its end.
func (p *parser) closing(open *Stmt, word string) []*Stmt {
	body, _, c := p.body(open, word)
	if word == "endblock" && c.token.kind == tokenName && c.token.text == open.Name {
		c.advance()
	}
	c.done()
	return body
}

// AsSyntaxError gives a syntax error its template's name.
func AsSyntaxError(err error, name string) error {
	var e *template.SyntaxError
	if !errors.As(err, &e) {
		return err
	}
	named := *e
	named.Name = name
	return &named
}
