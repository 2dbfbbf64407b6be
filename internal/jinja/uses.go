package jinja

import (
	"slices"

	"github.com/presswork/presswork/internal/jinja/syntax"
	"github.com/presswork/presswork/internal/template"
)

// uses walks a source and notes how it uses the data below some names. Where it is not sure, it says Examined.
type uses struct {
	names  []string
	kind   template.Kind
	source string
	found  []template.Use
	// before is the end of the literal text in front of the present place, as for guard.
	before string
	bare   bool // as for guard
	// captured is true where what is written may be read again: in macros and blocks that are kept or filtered.
	captured bool
	unclear  bool
}

// Uses tells how the source uses data; see template.Program.
func (p *program) Uses(names ...string) ([]template.Use, bool) {
	u := &uses{names: names, kind: p.kind, source: p.source}
	u.body(p.body)
	return u.found, !u.unclear
}

func (u *uses) body(body []*syntax.Stmt) {
	for _, s := range body {
		u.stmt(s)
	}
}

func (u *uses) stmt(s *syntax.Stmt) {
	u.bound(s.Target, s.Assigns, s.Params)
	u.unclear = u.unclear || s.Kind == syntax.Macro && u.isOurs(s.Name)
	for _, list := range [][]syntax.Assign{s.Assigns, s.Params} {
		for _, assign := range list {
			u.maybe(assign.Value, template.Examined)
		}
	}
	for _, f := range s.Filters {
		u.args(f.Args)
	}
	u.maybe(s.Cond, template.Examined)
	switch s.Kind {
	case syntax.Text:
		end := s.Start + s.Size
		u.before = u.source[max(s.Start, end-maxAttribute):end]
		u.bare = bareAfter(u.bare, u.before)
		return
	case syntax.Emit:
		u.maybe(s.Expr, u.writing())
		return
	case syntax.If:
		u.maybe(s.Expr, template.Tested)
	case syntax.Extends, syntax.Include, syntax.Import, syntax.From:
		u.unclear = true
		return
	default:
		u.maybe(s.Expr, template.Examined)
	}
	u.inside(s)
}

// inside walks what a statement encloses.
func (u *uses) inside(s *syntax.Stmt) {
	before, within, captured := u.before, u.bare, u.captured
	switch s.Kind {
	case syntax.SetBlock, syntax.FilterBlock, syntax.Macro, syntax.CallBlock:
		u.captured = true
	default:
	}
	u.body(s.Body)
	if len(s.Else) > 0 {
		u.before, u.bare = before, within
		u.body(s.Else)
	}
	u.captured = captured
}

// writing is how {{ … }} uses a value at the present place.
func (u *uses) writing() template.How {
	switch {
	case u.captured, u.kind == template.HTML && u.bare:
		return template.Examined
	case u.kind == template.HTML && address.MatchString(u.before):
		return template.Written | template.Addressed
	default:
		return template.Written
	}
}

// bound sees whether one of the names gets another meaning.
func (u *uses) bound(target *syntax.Expr, lists ...[]syntax.Assign) {
	if target != nil && slices.ContainsFunc(targetNames(target), u.isOurs) {
		u.unclear = true
	}
	for _, list := range lists {
		for _, assign := range list {
			u.bound(assign.Target)
		}
	}
}

func (u *uses) isOurs(name string) bool { return slices.Contains(u.names, name) }

func (u *uses) maybe(e *syntax.Expr, how template.How) {
	if e != nil {
		u.expr(e, how)
	}
}

// expr notes the uses within an expression whose value is used in this way.
func (u *uses) expr(e *syntax.Expr, how template.How) {
	switch e.Kind {
	case syntax.Name, syntax.Attr, syntax.Item:
		u.chain(e, how)
	case syntax.Logical:
		// One of the two is the value, and the first decides which.
		u.expr(e.Kids[0], how|template.Tested)
		u.expr(e.Kids[1], how)
	case syntax.IfElse:
		u.expr(e.Kids[0], how)
		u.expr(e.Kids[1], template.Tested)
		if len(e.Kids) > 2 {
			u.maybe(e.Kids[2], how)
		}
	case syntax.Unary:
		if e.Text == "not" && how == template.Tested {
			u.expr(e.Kids[0], template.Tested)
			return
		}
		u.parts(e)
	case syntax.Test:
		if isDefinedTest(e) {
			u.expr(e.Kids[0], template.Tested)
			return
		}
		u.parts(e)
	case syntax.Filter:
		if (e.Text == "default" || e.Text == "d") && e.Kids[0] != nil {
			u.expr(e.Kids[0], how|template.Tested)
			for i, arg := range e.Args {
				if i == 0 {
					u.expr(arg.Value, how)
				} else {
					u.expr(arg.Value, template.Examined)
				}
			}
			return
		}
		u.parts(e)
	case syntax.Call:
		u.call(e)
	default:
		u.parts(e)
	}
}

// parts examines everything in an expression.
func (u *uses) parts(e *syntax.Expr) {
	for _, kid := range e.Kids {
		u.maybe(kid, template.Examined)
	}
	u.args(e.Args)
}

func (u *uses) args(args []syntax.Arg) {
	for _, arg := range args {
		u.expr(arg.Value, template.Examined)
	}
}

// call examines what a method is called on, not what it would be as an attribute.
func (u *uses) call(e *syntax.Expr) {
	if callee := e.Kids[0]; callee.Kind == syntax.Attr {
		u.expr(callee.Kids[0], template.Examined)
	} else {
		u.expr(callee, template.Examined)
	}
	u.args(e.Args)
}

// chain notes a name with attributes, if it is one of ours.
func (u *uses) chain(e *syntax.Expr, how template.How) {
	path, ok := namePath(e)
	switch {
	case !ok && len(e.Kids) > 0: // an index that is computed, or counted
		u.expr(e.Kids[0], template.Examined)
		for _, kid := range e.Kids[1:] {
			u.maybe(kid, template.Examined)
		}
	case !ok || !u.isOurs(path[0]):
	case len(path) == 1:
		u.unclear = true
	default:
		u.note(path, how)
	}
}

func (u *uses) note(path []string, how template.How) {
	for i := range u.found {
		if slices.Equal(u.found[i].Path, path) {
			u.found[i].How |= how
			return
		}
	}
	u.found = append(u.found, template.Use{Path: path, How: how})
}

// namePath is a name with attributes and string indexes as a path.
func namePath(e *syntax.Expr) (path []string, ok bool) {
	for ; ; e = e.Kids[0] {
		switch {
		case e.Kind == syntax.Name:
			path = append(path, e.Text)
			slices.Reverse(path)
			return path, true
		case e.Kind == syntax.Attr:
			path = append(path, e.Text)
		case e.Kind == syntax.Item && e.Kids[1].Kind == syntax.Const && e.Kids[1].String:
			path = append(path, e.Kids[1].Text)
		default:
			return nil, false
		}
	}
}
