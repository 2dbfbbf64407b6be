package jinja

import (
	"errors"
	"strings"
	"sync/atomic"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"

	"github.com/presswork/presswork/internal/jinja/syntax"
	"github.com/presswork/presswork/internal/template"
)

// program implements template.Program.
type program struct {
	name      string
	kind      template.Kind
	compiled  *minijinja.Template
	variables []template.Variable
	source    string
	body      []*syntax.Stmt
	// size is how much the last render wrote, so that the next one need not grow its buffer.
	size atomic.Int64
}

// Variables lists the places that read data; see template.Program.
func (p *program) Variables() []template.Variable { return p.variables }

// Escape is a string as the program writes it; see template.Program.
func (p *program) Escape(s string) string {
	if p.kind == template.HTML {
		return escape(s)
	}
	return s
}

// Render evaluates the program; see template.Program.
func (p *program) Render(data map[string]any) (out string, err error) {
	root := make(map[string]value.Value, len(data))
	for name, v := range data {
		root[name] = convert(v)
	}
	b := newBudget(int(p.size.Load()))
	defer func() {
		if recover() != nil {
			out, err = "", &template.RenderError{Name: p.name, Message: "the template cannot be evaluated"}
		}
	}()
	err = p.compiled.RenderToWriteCtx(b, value.FromMap(root), &b.out)
	if b.limit != "" {
		return "", &template.LimitError{Name: p.name, Limit: b.limit}
	}
	if err != nil {
		return "", p.renderError(err)
	}
	p.size.Store(int64(b.out.Len() + b.out.Len()/8))
	return b.out.String(), nil
}

// renderError turns the evaluator's error into ours.
func (p *program) renderError(err error) error {
	out := &template.RenderError{Name: p.name, Message: err.Error()}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		var e *minijinja.Error
		if !errors.As(cause, &e) {
			break
		}
		cause = e
		switch {
		case e.Kind == minijinja.ErrOutOfFuel:
			return &template.LimitError{Name: p.name, Limit: "steps"}
		case strings.HasPrefix(e.Message, "recursion limit"):
			return &template.LimitError{Name: p.name, Limit: "depth"}
		}
		out.Message = e.Message
		if e.Span != nil {
			out.Line = int(e.Span.StartLine)
		}
	}
	return out
}

// syntaxError is for what the evaluator's parser refuses although ours did not.
func syntaxError(name string, err error) error {
	out := &template.SyntaxError{Name: name, Line: 1, Column: 1, Message: err.Error()}
	var e *minijinja.Error
	if errors.As(err, &e) {
		out.Message = e.Message
		if e.Span != nil {
			out.Line, out.Column = int(e.Span.StartLine), int(e.Span.StartCol)+1
		}
	}
	return out
}
