package jinja

import (
	"github.com/presswork/presswork/internal/jinja/syntax"
	"github.com/presswork/presswork/internal/template"
)

func (a *analysis) expr(e *syntax.Expr) {
	switch e.Kind {
	case syntax.Name, syntax.Attr, syntax.Item:
		a.read(e)
	case syntax.Call:
		a.call(e)
	case syntax.Filter:
		a.filter(e)
	case syntax.Test:
		a.test(e)
	case syntax.Logical:
		a.expr(e.Kids[0])
		a.under(a.defined(e.Kids[0], e.Text == "and"), func() { a.expr(e.Kids[1]) })
	case syntax.IfElse:
		a.expr(e.Kids[1])
		a.under(a.defined(e.Kids[1], true), func() { a.expr(e.Kids[0]) })
		if len(e.Kids) > 2 {
			a.under(a.defined(e.Kids[1], false), func() { a.expr(e.Kids[2]) })
		}
	default:
		for _, kid := range e.Kids {
			a.expr(kid)
		}
	}
}

// read handles names, attributes and indexes.
func (a *analysis) read(e *syntax.Expr) {
	if isChain(e) {
		a.note(e)
		return
	}
	for _, kid := range e.Kids {
		a.expr(kid)
	}
}

func rootName(e *syntax.Expr) string {
	for len(e.Kids) > 0 {
		e = e.Kids[0]
	}
	return e.Text
}

func (a *analysis) args(args []syntax.Arg) {
	for _, arg := range args {
		a.expr(arg.Value)
	}
}

func (a *analysis) call(e *syntax.Expr) {
	a.args(e.Args)
	callee := e.Kids[0]
	if rootName(callee) == "self" {
		a.fail(e.Start, "self is not available: repeat a text with a macro or with set")
		return
	}
	switch callee.Kind {
	case syntax.Name:
		if _, bound := a.lookup(callee.Text); bound || a.names.functions[callee.Text] {
			return
		}
		a.unknown("function", callee.Text, callee.Start, a.names.functions)
	case syntax.Attr:
		object := callee.Kids[0]
		if _, isMethod := methods[callee.Text]; !isMethod && !a.isLocal(object) {
			a.fail(callee.TextStart, "there is no method %s", callee.Text)
			return
		}
		a.expr(object)
	default:
		a.expr(callee)
	}
}

// isLocal says whether e begins with a name bound in the template: an imported module, loop, a cycler.
func (a *analysis) isLocal(e *syntax.Expr) bool {
	if e.Kind != syntax.Name {
		return false
	}
	path, bound := a.lookup(e.Text)
	return bound && path == nil
}

func (a *analysis) filter(e *syntax.Expr) {
	if !a.names.filters[e.Text] {
		if e.Text == "safe" {
			a.fail(e.TextStart, "safe is not available: item.html is safe already, all else is escaped")
			return
		}
		a.unknown("filter", e.Text, e.TextStart, a.names.filters)
		return
	}
	a.args(e.Args)
	hasDefault := e.Text == "default" || e.Text == "d"
	if of := e.Kids[0]; of != nil && (!hasDefault || !isChain(of)) {
		a.expr(of)
	}
}

func (a *analysis) test(e *syntax.Expr) {
	if !a.names.tests[e.Text] {
		a.unknown("test", e.Text, e.TextStart, a.names.tests)
		return
	}
	a.args(e.Args)
	if !isDefinedTest(e) || !isChain(e.Kids[0]) {
		a.expr(e.Kids[0])
	}
}

func (a *analysis) unknown(what, name string, offset int, known map[string]bool) {
	if best := template.Nearest(name, sortedNames(known)); best != "" {
		a.fail(offset, "there is no %s %s, did you mean %s?", what, name, best)
		return
	}
	a.fail(offset, "there is no %s %s", what, name)
}
