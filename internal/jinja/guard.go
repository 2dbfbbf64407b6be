package jinja

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/presswork/presswork/internal/jinja/syntax"
	"github.com/presswork/presswork/internal/template"
)

// operators are the binary operators that can create much from little. The others (- / // % **) yield
// numbers only and stay as they are.
var operators = map[string]string{"+": "__add", "~": "__cat", "*": "__mul"}

// methods are the methods of Python's values that templates call, as the filters that stand in for them.
var methods = map[string]string{
	"items": "items", "keys": "__keys", "values": "__values", "get": "__get",
	"upper": "upper", "lower": "lower", "title": "title", "capitalize": "capitalize", "strip": "trim",
	"replace": "replace", "split": "split", "startswith": "__startswith", "endswith": "__endswith", "join": "__join",
}

// address matches the end of a text in which an attribute's value begins that is an address.
var address = regexp.MustCompile(`(?i)[\s"'/](href|src|action|formaction|background|poster|xlink:href)\s*=\s*["']?\s*$`)

// maxAttribute is how far back an attribute's name is looked for.
const maxAttribute = 64

// edit replaces source[start:end].
type edit struct {
	start, end int
	text       string
}

// guard rewrites the places of a source that the evaluator cannot bound by itself. Lines keep their
// numbers.
type guard struct {
	source string
	edits  []edit
	kind   template.Kind
	// imported are the names of imported modules, whose methods are macros.
	imported map[string]bool
	// before is the end of the literal text in front of the present place.
	before string
	// bare: the present place is in an attribute's value without quotation marks.
	bare bool
}

func guarded(source string, body []*syntax.Stmt, kind template.Kind) string {
	g := &guard{source: source, kind: kind, imported: map[string]bool{"loop": true}}
	g.insert(0, tick(body))
	g.body(body)
	return g.apply()
}

func (g *guard) insert(at int, text string) { g.edits = append(g.edits, edit{at, at, text}) }

// wrap puts a filter behind an expression. What follows that, such as another index, is of the whole.
func (g *guard) wrap(e *syntax.Expr, filter string) {
	g.insert(e.Start, "((")
	g.insert(e.End, ")|"+filter+")")
}

// apply makes all edits. At one offset insertions come in the order they were made, which is inside
// out, and then a replacement.
func (g *guard) apply() string {
	sort.SliceStable(g.edits, func(i, j int) bool {
		a, b := g.edits[i], g.edits[j]
		if a.start != b.start {
			return a.start < b.start
		}
		return a.end == a.start && b.end > b.start
	})
	var out strings.Builder
	pos := 0
	for _, e := range g.edits {
		out.WriteString(g.source[pos:e.start])
		out.WriteString(e.text)
		pos = e.end
	}
	out.WriteString(g.source[pos:])
	return out.String()
}

// tick charges the literal text of a body each time it runs, and looks at the clock.
func tick(body []*syntax.Stmt) string { return fmt.Sprintf("{%% do __tick(%d) %%}", textSize(body)) }

// textSize counts the literal text of a body that runs once when the body runs once.
func textSize(body []*syntax.Stmt) int {
	size := 0
	for _, s := range body {
		size += s.Size
		switch s.Kind {
		case syntax.If, syntax.With, syntax.SetBlock, syntax.FilterBlock:
			size += textSize(s.Body) + textSize(s.Else)
		case syntax.For:
			size += textSize(s.Else)
		default:
		}
	}
	return size
}

// tickInside puts a tick at the beginning of s's body. It goes in front of the tag's own closing
// delimiter, which so keeps its whitespace sign where it was.
func (g *guard) tickInside(s *syntax.Stmt) {
	g.insert(s.Close, fmt.Sprintf(" %%}{%% do __tick(%d) ", textSize(s.Body)))
}

func (g *guard) body(body []*syntax.Stmt) {
	for _, s := range body {
		g.stmt(s)
	}
}

func (g *guard) stmt(s *syntax.Stmt) {
	if s.Kind == syntax.Import {
		g.imported[s.Assigns[0].Target.Text] = true
	}
	for _, list := range [][]syntax.Assign{s.Assigns, s.Params} {
		for _, assign := range list {
			g.value(assign.Target, assign.Value)
		}
	}
	g.value(s.Target, s.Expr)
	for _, f := range s.Filters {
		g.args(f.Args)
	}
	if s.Cond != nil {
		g.expr(s.Cond)
	}
	switch s.Kind {
	case syntax.Text:
		end := s.Start + s.Size
		g.before = g.source[max(s.Start, end-maxAttribute):end]
		g.bare = bareAfter(g.bare, g.before)
	case syntax.Emit:
		if g.kind == template.HTML && address.MatchString(g.before) {
			g.wrap(s.Expr, "__url")
		}
		if g.kind == template.HTML && g.bare {
			g.wrap(s.Expr, "__bare")
		}
	case syntax.For:
		g.wrap(s.Expr, "__iter")
		g.tickInside(s)
	case syntax.Block, syntax.Macro, syntax.CallBlock:
		g.tickInside(s)
	case syntax.SetBlock:
		g.insert(s.TargetEnd, "|__capture")
	default:
	}
	before, within := g.before, g.bare
	g.body(s.Body)
	if len(s.Else) > 0 {
		g.before, g.bare = before, within
		g.body(s.Else)
	}
}

// value guards an expression that is assigned; unpacking it iterates over it.
func (g *guard) value(target, value *syntax.Expr) {
	if value == nil {
		return
	}
	g.expr(value)
	if target != nil && target.Kind == syntax.List {
		g.wrap(value, "__iter")
	}
}

func (g *guard) args(args []syntax.Arg) {
	for _, arg := range args {
		g.expr(arg.Value)
	}
}

func (g *guard) expr(e *syntax.Expr) {
	for _, kid := range e.Kids {
		if kid != nil {
			g.expr(kid)
		}
	}
	g.args(e.Args)
	switch e.Kind {
	case syntax.Binary:
		if filter, ok := operators[e.Ops[0].Text]; ok {
			g.operator(e, filter)
		}
	case syntax.Compare:
		g.compare(e)
	case syntax.List, syntax.Map:
		if !isConst(e) {
			g.wrap(e, "__box")
		}
	case syntax.Slice:
		g.wrap(e, "__box")
	case syntax.Call:
		g.call(e)
	default:
	}
}

func isConst(e *syntax.Expr) bool {
	for _, kid := range e.Kids {
		if kid.Kind != syntax.Const && (kid.Kind != syntax.List && kid.Kind != syntax.Map || !isConst(kid)) {
			return false
		}
	}
	return true
}

// operator turns a + b into (a)|__add(b).
func (g *guard) operator(e *syntax.Expr, filter string) {
	g.insert(e.Kids[0].Start, "(")
	g.edits = append(g.edits, edit{e.Ops[0].Start, e.Ops[0].End, ")|" + filter + "("})
	g.insert(e.Kids[1].End, ")")
}

// compare turns a < b < c into (a)|__compare('<', b, '<', c).
func (g *guard) compare(e *syntax.Expr) {
	g.insert(e.Kids[0].Start, "(")
	for i, op := range e.Ops {
		text := fmt.Sprintf(", '%s', ", op.Text)
		if i == 0 {
			text = fmt.Sprintf(")|__compare('%s', ", op.Text)
		}
		g.edits = append(g.edits, edit{op.Start, op.End, text})
	}
	g.insert(e.Kids[len(e.Kids)-1].End, ")")
}

// call turns a.upper() into (a|upper()), and guards what a recursive loop iterates over.
func (g *guard) call(e *syntax.Expr) {
	callee := e.Kids[0]
	if callee.Kind == syntax.Name && callee.Text == "loop" && len(e.Args) == 1 {
		g.wrap(e.Args[0].Value, "__iter")
	}
	if callee.Kind != syntax.Attr {
		return
	}
	object := callee.Kids[0]
	filter, ok := methods[callee.Text]
	if !ok || object.Kind == syntax.Name && g.imported[object.Text] {
		return
	}
	g.insert(object.Start, "((")
	g.edits = append(g.edits, edit{object.End, e.Open, ")|" + filter})
	g.insert(e.Close, ")")
}
