// Package template is what Presswork knows about templates: the entity, the data a template may
// read, the check of its variables, and the port that an engine stands behind. It knows the outer
// shape of Jinja2 syntax (text, tags, comments) but evaluates nothing.
package template

import (
	"errors"
	"fmt"
	"time"
)

// Bounds of one template and one render (REQUIREMENTS B8). An engine enforces them; a template
// author is not trusted.
const (
	// MaxSource is the size of one source in bytes. Mail clients clip messages at some 100 KB, so
	// this leaves room for layouts with long style sheets.
	MaxSource = 512 << 10
	// MaxOutput is what one render may write, in bytes: B8's bound.
	MaxOutput = 1 << 20
	// MaxSteps is how many statements and expressions one render may evaluate. The built-in
	// newsletter with 16 items takes some 600.
	MaxSteps = 200_000
	// MaxDepth is how deep calls, includes and loops may nest in one render.
	MaxDepth = 64
	// MaxTime is how long one render may take: B8's bound.
	MaxTime = time.Second
	// MaxMemory is how many bytes of new values one render may create in all, freed ones counted:
	// far below B8's 64 MB, since an engine keeps copies of its own.
	MaxMemory = 8 << 20
)

// Kind says what a source produces, and so how values are escaped in it.
type Kind uint8

const (
	// HTML output: every value is escaped unless it is HTML already.
	HTML Kind = iota
	// Text output: values stand as they are.
	Text
)

// SafeHTML is text that is HTML already and is not escaped again. Only sanitised HTML may be
// converted to it.
type SafeHTML string

// Engine turns sources into programs. It is safe for concurrent use.
type Engine interface {
	// Parse compiles a source. It returns *SyntaxError for everything that is wrong with the text,
	// unknown filters and refused constructs included.
	Parse(name, source string, kind Kind) (Program, error)
	// Freeze converts data to the engine's own form once. The result may stand anywhere in the data
	// of any number of renders, at once too; v must not change afterwards. v is nil, bool, string,
	// SafeHTML, an integer, a float, time.Time, or a slice or string-keyed map of those.
	Freeze(v any) any
}

// Program is a compiled source. It is safe for concurrent use.
type Program interface {
	// Variables are the places where the source reads data from outside, in source order.
	Variables() []Variable
	// Uses are the paths below the given names that the source uses, each once, and how. It is false if that cannot be
	// told: a name is used as a whole or bound to something else, or the source reaches for other templates.
	Uses(names ...string) ([]Use, bool)
	// Escape is a string as the program writes it out.
	Escape(s string) string
	// Render evaluates the program over data as for Freeze. What is not there is empty: one reader's
	// missing attribute must not stop a mail, so Check is strict and Render is lenient. It returns
	// *LimitError if a bound is passed and *RenderError for any other failure.
	Render(data map[string]any) (string, error)
}

// SyntaxError is a fault in a template's text.
type SyntaxError struct {
	// Name is the template's name.
	Name string
	// Line and Column count from 1; columns are in characters.
	Line, Column int
	// Message is for the author.
	Message string
}

// Error has the form name:line:column: message.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Message)
}

// RenderError is a failure while rendering that is the template's or its data's fault; rendering
// again fails again.
type RenderError struct {
	// Name is the template's name, Line the line in it, 0 if unknown.
	Name string
	Line int
	// Message is for the author. It holds no data.
	Message string
}

// Error has the form name:line: message.
func (e *RenderError) Error() string { return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Message) }

// LimitTime is a LimitError's Limit when it is the time, MaxTime, that was passed.
const LimitTime = "time"

// LimitError is a render that passed one of the bounds.
type LimitError struct {
	// Name is the template's name.
	Name string
	// Limit is the bound that was passed: "output", "steps", "memory", LimitTime or "depth".
	Limit string
}

// OutOfTime reports a render that passed its limit of time. Alone among the limits it is no proof against the template:
// a machine that is busy with something else passes it too, and rendering again may do.
func OutOfTime(err error) bool {
	var limit *LimitError
	return errors.As(err, &limit) && limit.Limit == LimitTime
}

// Error names the bound.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: the template passed its limit of %s", e.Name, e.Limit)
}
