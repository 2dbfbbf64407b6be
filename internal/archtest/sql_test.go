package archtest

import (
	"go/ast"
	"go/types"
	"strings"
)

// sinks are the methods that take SQL and the place of it among their arguments: pgx's, and database/sql's.
var sinks = map[string]int{
	"Query": 1, "QueryRow": 1, "Exec": 1, "Queue": 0, "Prepare": 2,
	"QueryContext": 1, "QueryRowContext": 1, "ExecContext": 1, "PrepareContext": 1,
	"CopyFrom": 1, // not SQL but the table's name, which pgx quotes: constant all the same
}

// checkSQL proves that no SQL is built from input: what reaches a sink in dir is a constant, a file embedded by
// the compiler, a sum of such, or a parameter of a function of the package whose callers give it such.
func checkSQL(dir string, exceptions map[string]string) check {
	return func(src *source) []violation {
		var found []violation
		used := map[string]bool{}
		for pkg, files := range src.packages() {
			if !below(pkg, dir) {
				continue
			}
			p := &sqlPackage{
				src: src, files: files, info: src.resolve(pkg, files), exceptions: exceptions, used: used,
				takers: map[types.Object]int{}, fixed: map[types.Object][]ast.Expr{}, embedded: map[types.Object]bool{},
			}
			found = append(found, p.check()...)
		}
		return append(found, needless(src, exceptions, used)...)
	}
}

// sqlPackage is one package under the check.
type sqlPackage struct {
	src        *source
	files      []file
	info       *types.Info
	exceptions map[string]string
	used       map[string]bool             // exceptions that were needed
	takers     map[types.Object]int        // functions of the package that hand a parameter to a sink
	fixed      map[types.Object][]ast.Expr // what each variable is set to
	embedded   map[types.Object]bool       // variables filled by go:embed
}

// check repeats until no further function turns out to take SQL: those take part in the next round.
func (p *sqlPackage) check() []violation {
	for _, f := range p.files {
		p.collect(f.syntax)
	}
	for {
		before := len(p.takers)
		var found []violation
		for _, f := range p.files {
			for _, decl := range f.syntax.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
					found = append(found, p.checkFunc(f, fn)...)
				}
			}
		}
		if len(p.takers) == before {
			return found
		}
	}
}

// collect notes what every variable is set to.
func (p *sqlPackage) collect(syntax *ast.File) {
	ast.Inspect(syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			p.collectEmbed(n)
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if len(n.Values) == len(n.Names) {
					p.set(id, n.Values[i])
				} else if len(n.Values) > 0 {
					p.set(id, nil)
				}
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok && len(n.Lhs) == len(n.Rhs) {
					p.set(id, n.Rhs[i])
				} else if ok {
					p.set(id, nil)
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok {
					p.set(id, nil)
				}
			}
		}
		return true
	})
}

// set notes one value of a variable; nil is a value that is not known.
func (p *sqlPackage) set(id *ast.Ident, value ast.Expr) {
	if obj := p.info.ObjectOf(id); obj != nil {
		p.fixed[obj] = append(p.fixed[obj], value)
	}
}

func (p *sqlPackage) collectEmbed(group *ast.GenDecl) {
	for _, spec := range group.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for _, doc := range []*ast.CommentGroup{group.Doc, value.Doc} {
			if doc != nil && strings.HasPrefix(doc.List[len(doc.List)-1].Text, "//go:embed ") {
				p.embedded[p.info.ObjectOf(value.Names[0])] = true
			}
		}
	}
}

func (p *sqlPackage) checkFunc(f file, fn *ast.FuncDecl) []violation {
	var found []violation
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		at, ok := p.sqlArgument(call)
		if !ok || p.known(call.Args[at], fn, map[types.Object]bool{}) {
			return true
		}
		key := f.path + ":" + fn.Name.Name
		if p.exceptions[key] == "" {
			found = append(found, p.src.violation(call.Args[at].Pos(), "SQL that is not constant in %s", fn.Name.Name))
		}
		p.used[key] = true
		return true
	})
	return found
}

// sqlArgument says which argument of a call is SQL.
func (p *sqlPackage) sqlArgument(call *ast.CallExpr) (int, bool) {
	fun := ast.Unparen(call.Fun)
	if generic, ok := fun.(*ast.IndexExpr); ok {
		fun = generic.X
	}
	if generic, ok := fun.(*ast.IndexListExpr); ok {
		fun = generic.X
	}
	name, _ := fun.(*ast.Ident)
	sel, method := fun.(*ast.SelectorExpr)
	if method {
		name = sel.Sel
	}
	if name == nil {
		return 0, false
	}
	at, ok := p.takers[p.info.Uses[name]]
	if !ok && method && !isTask(sel.X) {
		at, ok = sinks[name.Name]
	}
	return at, ok && at < len(call.Args)
}

// isTask tells tasks.Render{}, whose Queue is the name of one, from a batch of statements.
func isTask(receiver ast.Expr) bool {
	literal, ok := ast.Unparen(receiver).(*ast.CompositeLit)
	if !ok {
		return false
	}
	sel, ok := literal.Type.(*ast.SelectorExpr)
	return ok && root(sel.X) != nil && root(sel.X).Name == "tasks"
}

// known says whether an expression is fixed when the program is built. A parameter of fn counts: fn is noted as
// one that takes SQL, unless others than this package can call it.
func (p *sqlPackage) known(e ast.Expr, fn *ast.FuncDecl, seen map[types.Object]bool) bool {
	if e == nil {
		return false
	}
	if p.info.Types[e].Value != nil {
		return true
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return p.known(e.X, fn, seen)
	case *ast.BinaryExpr:
		return p.known(e.X, fn, seen) && p.known(e.Y, fn, seen)
	case *ast.CompositeLit: // pgx.Identifier{"schema", "table"}
		for _, element := range e.Elts {
			if !p.known(element, fn, seen) {
				return false
			}
		}
		return len(e.Elts) > 0
	case *ast.Ident:
		return p.knownVariable(p.info.ObjectOf(e), fn, seen)
	}
	return false
}

func (p *sqlPackage) knownVariable(obj types.Object, fn *ast.FuncDecl, seen map[types.Object]bool) bool {
	if obj == nil {
		return false
	}
	if seen[obj] { // text = text + more: the more decides
		return true
	}
	seen[obj] = true
	at, parameter := p.parameter(obj, fn)
	if parameter {
		if reachable(fn) {
			return false
		}
		p.takers[p.info.Defs[fn.Name]] = at
	}
	for _, value := range p.fixed[obj] {
		if !p.known(value, fn, seen) {
			return false
		}
	}
	return parameter || p.embedded[obj] || len(p.fixed[obj]) > 0
}

// parameter gives the place of a variable among the parameters of fn.
func (p *sqlPackage) parameter(obj types.Object, fn *ast.FuncDecl) (int, bool) {
	at := 0
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			if p.info.Defs[name] == obj {
				return at, true
			}
			at++
		}
		if len(field.Names) == 0 {
			at++
		}
	}
	return 0, false
}

// reachable says whether other packages can call a function: it and the type it belongs to are exported.
func reachable(fn *ast.FuncDecl) bool {
	if !fn.Name.IsExported() || fn.Recv == nil {
		return fn.Name.IsExported()
	}
	id := root(fn.Recv.List[0].Type)
	return id == nil || id.IsExported()
}
