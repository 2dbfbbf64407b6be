package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/jinja/syntax"
	"github.com/presswork/presswork/internal/template"
)

// scope maps the names bound in a block to the data they stand for; nil if that is not known.
type scope map[string][]string

// reading is a variable at its byte offset.
type reading struct {
	at int
	template.Variable
}

// maxGuards bounds the paths known to be defined at one place.
const maxGuards = 256

// analysis walks a source in the order of evaluation and notes what it reads from outside.
type analysis struct {
	source string
	names  *names
	scopes []scope
	// guarded are the paths known to be defined at the present place.
	guarded []string
	found   []reading
	// err is the first unknown filter, test or function.
	err *template.SyntaxError
}

// analyse finds the free variables of a source. bound are names defined by templates it extends.
func analyse(source string, body []*syntax.Stmt, known *names, bound []string) ([]template.Variable, error) {
	top := scope{}
	for _, name := range bound {
		top[name] = nil
	}
	a := &analysis{source: source, names: known, scopes: []scope{top}}
	a.body(body)
	if a.err != nil {
		return nil, a.err
	}
	return a.variables(), nil
}

// variables are what was found, in source order and with their places.
func (a *analysis) variables() []template.Variable {
	sort.SliceStable(a.found, func(i, j int) bool { return a.found[i].at < a.found[j].at })
	out := make([]template.Variable, len(a.found))
	pos, line, column := 0, 1, 1
	for i, r := range a.found {
		between := a.source[pos:r.at]
		if n := strings.Count(between, "\n"); n > 0 {
			line, column = line+n, 1
			between = between[strings.LastIndexByte(between, '\n')+1:]
		}
		column += utf8.RuneCountInString(between)
		pos = r.at
		out[i] = r.Variable
		out[i].Line, out[i].Column = line, column
	}
	return out
}

func (a *analysis) fail(offset int, format string, args ...any) {
	if a.err == nil {
		a.err = template.ErrorAt("", a.source, offset, format, args...)
	}
}

func (a *analysis) bind(name string, path []string) { a.scopes[len(a.scopes)-1][name] = path }

func (a *analysis) lookup(name string) (path []string, bound bool) {
	for i := len(a.scopes) - 1; i >= 0; i-- {
		if path, ok := a.scopes[i][name]; ok {
			return path, true
		}
	}
	return nil, false
}

// inner runs f in a scope of its own.
func (a *analysis) inner(f func()) {
	a.scopes = append(a.scopes, scope{})
	f()
	a.scopes = a.scopes[:len(a.scopes)-1]
}

// under runs f where the paths are known to be defined.
func (a *analysis) under(paths []string, f func()) {
	before := len(a.guarded)
	if before+len(paths) <= maxGuards {
		a.guarded = append(a.guarded, paths...)
	}
	f()
	a.guarded = a.guarded[:before]
}

func (a *analysis) isGuarded(path []string) bool {
	joined := strings.Join(path, ".")
	for _, g := range a.guarded {
		if joined == g || strings.HasPrefix(joined, g+".") {
			return true
		}
	}
	return false
}

// chain resolves a run of names and indexes to where it leads in the data. written is the run as it
// stands in the source. A nil path means that this cannot be told.
func (a *analysis) chain(e *syntax.Expr) (path []string, written string) {
	switch e.Kind {
	case syntax.Name:
		if path, bound := a.lookup(e.Text); bound {
			return path, e.Text
		}
		return []string{e.Text}, e.Text
	case syntax.Attr:
		path, written := a.chain(e.Kids[0])
		return extend(path, e.Text), written + "." + e.Text
	case syntax.Item:
		path, written := a.chain(e.Kids[0])
		index := e.Kids[1]
		if index.Kind != syntax.Const {
			return nil, written
		}
		if index.String {
			return extend(path, index.Text), written + "." + index.Text
		}
		return extend(path, template.Element), written + "." + index.Text
	case syntax.Slice:
		return a.chain(e.Kids[0])
	case syntax.Filter:
		return a.filtered(e)
	default:
		return nil, ""
	}
}

// filtered is where the result of a filter comes from, for filters that pass elements through.
func (a *analysis) filtered(e *syntax.Expr) (path []string, written string) {
	if e.Kids[0] == nil {
		return nil, ""
	}
	path, written = a.chain(e.Kids[0])
	switch e.Text {
	case "sort", "reverse", "list", "unique", "select", "reject", "selectattr", "rejectattr", "default", "d":
		return path, written
	case "first", "last", "min", "max":
		return extend(path, template.Element), written
	}
	return nil, written
}

// extend appends to a path without sharing its memory; nil stays nil.
func extend(path []string, part string) []string {
	if path == nil {
		return nil
	}
	return append(path[:len(path):len(path)], part)
}

// isChain says whether e is a name with attributes and literal indexes.
func isChain(e *syntax.Expr) bool {
	for ; e.Kind == syntax.Attr || e.Kind == syntax.Item && e.Kids[1].Kind == syntax.Const; e = e.Kids[0] {
		continue
	}
	return e.Kind == syntax.Name
}

// note records a read of e, which is a chain.
func (a *analysis) note(e *syntax.Expr) {
	path, written := a.chain(e)
	if path == nil || a.isGuarded(path) {
		return
	}
	a.found = append(a.found, reading{e.Start, template.Variable{Name: written, Path: path}})
}

// defined are the paths that are certainly there where the condition holds, or, with holds false,
// where it does not.
func (a *analysis) defined(e *syntax.Expr, holds bool) []string {
	switch {
	case e.Kind == syntax.Unary && e.Text == "not":
		return a.defined(e.Kids[0], !holds)
	case e.Kind == syntax.Logical && (e.Text == "and") == holds:
		return append(a.defined(e.Kids[0], holds), a.defined(e.Kids[1], holds)...)
	case e.Kind == syntax.Test && isDefinedTest(e) && isChain(e.Kids[0]):
		if (e.Text == "defined") != e.Negated == holds {
			if path, _ := a.chain(e.Kids[0]); path != nil {
				return []string{strings.Join(path, ".")}
			}
		}
	}
	return nil
}

func isDefinedTest(e *syntax.Expr) bool { return e.Text == "defined" || e.Text == "undefined" }
