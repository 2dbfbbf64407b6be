package jinja

import (
	"github.com/presswork/presswork/internal/jinja/syntax"
	"github.com/presswork/presswork/internal/template"
)

func (a *analysis) body(body []*syntax.Stmt) {
	for _, s := range body {
		a.stmt(s)
	}
}

func (a *analysis) stmt(s *syntax.Stmt) {
	switch s.Kind {
	case syntax.Emit, syntax.Do:
		a.expr(s.Expr)
	case syntax.For:
		a.forLoop(s)
	case syntax.If:
		a.expr(s.Expr)
		a.under(a.defined(s.Expr, true), func() { a.body(s.Body) })
		a.under(a.defined(s.Expr, false), func() { a.body(s.Else) })
	case syntax.With:
		a.inner(func() {
			for _, assign := range s.Assigns {
				a.expr(assign.Value)
				a.assign(assign.Target, assign.Value)
			}
			a.body(s.Body)
		})
	case syntax.Set:
		a.expr(s.Expr)
		a.assign(s.Target, s.Expr)
	case syntax.SetBlock, syntax.FilterBlock:
		a.filters(s.Filters)
		a.inner(func() { a.body(s.Body) })
		if s.Target != nil {
			a.assign(s.Target, nil)
		}
	case syntax.Block:
		a.inner(func() { a.body(s.Body) })
	case syntax.Import:
		a.assign(s.Assigns[0].Target, nil)
	case syntax.From:
		for _, name := range s.Imports {
			a.bind(name, nil)
		}
	case syntax.Macro:
		a.bind(s.Name, nil)
		a.routine(s)
	case syntax.CallBlock:
		a.expr(s.Expr)
		a.routine(s)
	case syntax.Text, syntax.Extends, syntax.Include, syntax.Jump:
	}
}

func (a *analysis) filters(list []*syntax.Expr) {
	for _, f := range list {
		a.filter(f)
	}
}

func (a *analysis) forLoop(s *syntax.Stmt) {
	a.expr(s.Expr)
	path, _ := a.chain(s.Expr)
	a.inner(func() {
		a.bind("loop", nil)
		a.assignPath(s.Target, extend(path, template.Element))
		if s.Cond != nil {
			a.expr(s.Cond)
		}
		a.body(s.Body)
	})
	a.body(s.Else)
}

// routine is the body of a macro or call block, with its parameters bound.
func (a *analysis) routine(s *syntax.Stmt) {
	a.inner(func() {
		for _, p := range s.Params {
			if p.Value != nil {
				a.expr(p.Value)
			}
			a.assign(p.Target, nil)
		}
		a.bind("caller", nil)
		a.body(s.Body)
	})
}

func (a *analysis) assign(target, value *syntax.Expr) {
	var path []string
	if value != nil {
		path, _ = a.chain(value)
	}
	a.assignPath(target, path)
}

func (a *analysis) assignPath(target *syntax.Expr, path []string) {
	switch target.Kind {
	case syntax.Name:
		a.bind(target.Text, path)
	case syntax.List:
		for _, kid := range target.Kids {
			a.assignPath(kid, nil)
		}
	default:
		a.expr(target.Kids[0])
	}
}
