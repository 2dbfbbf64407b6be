package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"testing"
)

// checkGlobals refuses package variables that vary: those assigned, or changed through an index, a field or a
// pointer, after their declaration, and those whose type is made for changing. It does not follow a variable
// through another one.
func checkGlobals(exceptions map[string]string) check {
	return func(src *source) []violation {
		var found []violation
		used := map[string]bool{}
		for pkg, files := range src.packages() {
			info := src.resolve(pkg, files)
			for _, f := range files {
				for _, id := range slices.Concat(changed(f.syntax, info), changeable(f.syntax)) {
					key := f.path + ":" + id.Name
					if exceptions[key] == "" {
						found = append(found, src.violation(id.Pos(), "package variable %s varies", id.Name))
					}
					used[key] = true
				}
			}
		}
		return append(found, needless(src, exceptions, used)...)
	}
}

// needless lists the exceptions that nothing needs any more.
func needless(src *source, exceptions map[string]string, used map[string]bool) []violation {
	var found []violation
	for key := range exceptions {
		if !used[key] {
			found = append(found, src.violation(token.NoPos, "nothing needs the exception for %s", key))
		}
	}
	return found
}

// changed lists the mentions of package variables that change them.
func changed(syntax *ast.File, info *types.Info) []*ast.Ident {
	var found []*ast.Ident
	note := func(e ast.Expr) {
		id := root(e)
		if id == nil {
			return
		}
		if v, ok := info.Uses[id].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
			found = append(found, id)
		}
	}
	ast.Inspect(syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, left := range n.Lhs {
					note(left)
				}
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && (fn.Name == "delete" || fn.Name == "clear" || fn.Name == "copy") && len(n.Args) > 0 {
				note(n.Args[0])
			}
		}
		return true
	})
	return found
}

// root is the variable that an assignable expression belongs to, or nil.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// changeableTypes are those of the standard library that are there to be changed. A pool is a cache and a
// OnceValue answers the same for ever: both may be package variables.
var changeableTypes = map[string][]string{
	"sync":   {"Mutex", "RWMutex", "Once", "Map", "WaitGroup", "Cond"},
	"atomic": {"Int32", "Int64", "Uint32", "Uint64", "Bool", "Pointer", "Value"},
}

// changeable lists the package variables of such a type.
func changeable(syntax *ast.File) []*ast.Ident {
	var found []*ast.Ident
	for _, decl := range syntax.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			if value := spec.(*ast.ValueSpec); namesChangeable(value) {
				found = append(found, value.Names...)
			}
		}
	}
	return found
}

func namesChangeable(value *ast.ValueSpec) bool {
	found := false
	look := func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false // what a function makes when it runs is its own
		}
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(changeableTypes[pkg.Name], sel.Sel.Name) {
				found = true
			}
		}
		return true
	}
	if value.Type != nil {
		ast.Inspect(value.Type, look)
	}
	for _, v := range value.Values {
		ast.Inspect(v, look)
	}
	return found
}

func TestGlobalsCanFail(t *testing.T) {
	t.Parallel()
	one := func(text string) map[string]string { return map[string]string{"a/f.go": "package a\n" + text + "\n"} }
	varies := []string{"package variable v varies"}
	prove(t, checkGlobals(nil), []sample{
		{"table", one(`var v = map[string]int{"a": 1}; func f() int { return v["a"] }`), nil},
		{"error", one(`import "errors"; var v = errors.New("v")`), nil},
		{"assigned", one(`var v []int; func f() { v = nil }`), varies},
		{"assigned in another file", map[string]string{"a/f.go": "package a\nvar v int\n", "a/g.go": "package a\nfunc f() { v = 1 }\n"}, varies},
		{"appended", one(`var v []int; func f() { v = append(v, 1) }`), varies},
		{"index", one(`var v = map[string]int{}; func f() { v["a"] = 1 }`), varies},
		{"field", one(`var v struct{ a int }; func f() { v.a++ }`), varies},
		{"pointer", one(`var v = new(int); func f() { *v += 1 }`), varies},
		{"deleted", one(`var v = map[string]int{}; func f() { delete(v, "a") }`), varies},
		{"shadowed", one(`var v int; func f() { v := 1; v = 2; _ = v }`), nil},
		{"parameter", one(`var v int; func f(v int) { v = 2 }`), nil},
		{"mutex", one(`import "sync"; var v sync.Mutex`), varies},
		{"atomic", one(`import "sync/atomic"; var v = &atomic.Int64{}`), varies},
		{"value once", one(`import "sync"; var v = sync.OnceValue(func() int { var m sync.Mutex; _ = m; return 1 })`), nil},
		{"test", map[string]string{"a/f_test.go": "package a\nvar v int\nfunc f() { v = 1 }\n"}, nil},
	})
	prove(t, checkGlobals(map[string]string{"a/f.go:v": "it counts"}), []sample{
		{"exception", one(`var v int; func f() { v = 1 }`), nil},
		{"needless exception", one(`var v int`), []string{"nothing needs the exception for a/f.go:v"}},
	})
}
