package httpapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBodiesAreGenerated: what handlers decode and answer are types of the package wire, which are made of the description. So
// nothing can be read or answered that is not described.
func TestBodiesAreGenerated(t *testing.T) {
	t.Parallel()
	s := searchBodies(t, "")
	for _, wrong := range s.wrong {
		t.Error(wrong)
	}
	if len(s.decoded) < 20 || s.answered < 70 {
		t.Errorf("only %d decoded and %d answered bodies were found", len(s.decoded), s.answered)
	}
	if decoded, fuzzed := slices.Sorted(maps.Keys(s.decoded)), slices.Sorted(maps.Keys(requestBodies())); !slices.Equal(decoded, fuzzed) {
		t.Errorf("handlers decode  %v\nFuzzBodies reads %v", decoded, fuzzed)
	}
	t.Logf("%d types are decoded, %d answers given", len(s.decoded), s.answered)
}

// TestBodiesByHandAreFound: each function of this file is told, but for the last ones.
func TestBodiesByHandAreFound(t *testing.T) {
	t.Parallel()
	s := searchBodies(t, `package httpapi

import "github.com/presswork/presswork/internal/httpapi/wire"

type made struct{ A int `+"`json:\"a\"`"+` }

func one(c *gin.Context) error { return found(c, 0, made{}) }
func two(c *gin.Context) { c.PureJSON(200, gin.H{"a": 1}) }
func three(c *gin.Context) { body := made{}; c.JSON(200, &body) }
func four(c *gin.Context) error { return answerPage(c, "four", page{}, nil, nil, func(int) made { return made{} }) }
func five(c *gin.Context) { decode[struct{ A int }](c, 1, nil) }
func six(c *gin.Context) { optional[made](c, nil) }
func seven(c *gin.Context, body any) error { return found(c, 0, body) }
func eight(c *gin.Context) error { return seven(c, map[string]any{}) }
func nine(c *gin.Context) error { text, err := json.Marshal([]made{}); return err }

func fine(c *gin.Context) error { in, _ := decode[wire.TopicInput](c, 1, nil); return seven(c, wire.Topic{Name: in.Name}) }
func fineToo(c *gin.Context) error { return answerPage(c, "x", page{}, nil, nil, func(int) wire.Topic { return wire.Topic{} }) }
`)
	var places []string
	for _, wrong := range s.wrong {
		if at, isHere := strings.CutPrefix(wrong, "example.go:"); isHere {
			line, _, _ := strings.Cut(at, ":")
			places = append(places, line)
		}
	}
	slices.Sort(places)
	if got := strings.Join(places, " "); got != "10 11 12 14 15 5 7 8 9" {
		t.Errorf("told: %s\n%s", got, strings.Join(s.wrong, "\n"))
	}
}

// bodySearch knows the types of the package's own functions and of wire. Those of all other packages are left unknown: to load
// them would take longer than the tests.
type bodySearch struct {
	t     *testing.T
	set   *token.FileSet
	files []*ast.File
	info  types.Info
	wire  *types.Package
	// answers are functions that answer one of their arguments, by the number of that. shows are those that answer a page of
	// what the function that is one of their arguments returns, decodes those that decode into a type.
	answers, shows map[any]int
	decodes        map[any]bool

	decoded  map[string]bool
	answered int
	wrong    []string
}

// searchBodies looks through the package, with one more file if there is a text of it.
func searchBodies(t *testing.T, more string) *bodySearch {
	t.Helper()
	s := &bodySearch{t: t, set: token.NewFileSet(), shows: map[any]int{}, decodes: map[any]bool{}, decoded: map[string]bool{},
		answers: map[any]int{"PureJSON": 1, "JSON": 1, "IndentedJSON": 1, "AbortWithStatusJSON": 1, "json.Marshal": 0}}
	s.info = types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	s.wire = s.load("wire", "", nil)
	own := s.load(".", more, &s.info)
	s.decodes[own.Scope().Lookup("decode")] = true
	for range 3 { // functions that pass a body on to those that pass it on
		s.each(s.findPassing)
	}
	s.each(s.check)
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil && strings.Contains(field.Tag.Value, "json:") {
				s.complain(field.Pos(), "a field with a JSON name: describe the body in openapi/source, and use its type in wire")
			}
			return true
		})
	}
	return s
}

func (s *bodySearch) complain(at token.Pos, format string, args ...any) {
	s.wrong = append(s.wrong, s.set.Position(at).String()+": "+fmt.Sprintf(format, args...))
}

// load reads the types of a folder, and forgives what is not known.
func (s *bodySearch) load(folder, more string, info *types.Info) *types.Package {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		s.t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(s.set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			s.t.Fatal(err)
		}
		files = append(files, file)
	}
	if more != "" {
		file, err := parser.ParseFile(s.set, "example.go", more, parser.SkipObjectResolution)
		if err != nil {
			s.t.Fatal(err)
		}
		files = append(files, file)
	}
	config := types.Config{Importer: s, Error: func(error) {}, DisableUnusedImportCheck: true}
	loaded, _ := config.Check(folder, s.set, files, info) //nolint:errcheck // there are errors: types of other packages are unknown
	if info != nil {
		s.files = files
	}
	return loaded
}

// Import is wire, or an empty package.
func (s *bodySearch) Import(name string) (*types.Package, error) {
	if path.Base(name) == "wire" {
		return s.wire, nil
	}
	empty := types.NewPackage(name, path.Base(name))
	empty.MarkComplete()
	return empty, nil
}

// each looks at every call with the function that it is in.
func (s *bodySearch) each(look func(in *ast.FuncDecl, call *ast.CallExpr, called any)) {
	for _, file := range s.files {
		for _, declaration := range file.Decls {
			in, ok := declaration.(*ast.FuncDecl)
			if !ok || in.Body == nil {
				continue
			}
			ast.Inspect(in, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					look(in, call, s.called(call.Fun))
				}
				return true
			})
		}
	}
}

// called is the function of this package that a call is of, or the name of another: json.Marshal, PureJSON.
func (s *bodySearch) called(fun ast.Expr) any {
	switch f := fun.(type) {
	case *ast.Ident:
		if function, ok := s.info.Uses[f].(*types.Func); ok {
			return function.Origin()
		}
		return f.Name
	case *ast.SelectorExpr:
		if of, ok := f.X.(*ast.Ident); ok && of.Name == "json" {
			return "json." + f.Sel.Name
		}
		return s.called(f.Sel)
	case *ast.IndexExpr:
		return s.called(f.X)
	default:
		return nil
	}
}

// findPassing notes the functions that leave to their callers what is decoded or answered.
func (s *bodySearch) findPassing(in *ast.FuncDecl, call *ast.CallExpr, called any) {
	self := any(s.info.Defs[in.Name])
	if index, ok := call.Fun.(*ast.IndexExpr); ok && s.decodes[called] {
		if _, open := s.info.TypeOf(index.Index).(*types.TypeParam); open {
			s.decodes[self] = true
		}
	}
	at, answers := s.answers[called]
	if !answers || len(call.Args) <= at {
		return
	}
	signature, ok := s.info.Defs[in.Name].Type().(*types.Signature)
	if !ok {
		return
	}
	argument, _ := call.Args[at].(*ast.Ident)
	for i := range signature.Params().Len() {
		p := signature.Params().At(i)
		if argument != nil && s.info.Uses[argument] == p && types.IsInterface(p.Type()) {
			s.answers[self] = i
		}
		if show, ok := p.Type().(*types.Signature); ok && show.Results().Len() == 1 && s.onPage(call.Args[at]) == show.Results().At(0).Type() {
			s.shows[self] = i
		}
	}
}

// onPage is what is on a page whose items' type a caller chooses, nil of others.
func (s *bodySearch) onPage(body ast.Expr) types.Type {
	page, ok := types.Unalias(s.info.TypeOf(body)).(*types.Named)
	if !ok || page.TypeArgs().Len() != 1 {
		return nil
	}
	if _, open := page.TypeArgs().At(0).(*types.TypeParam); !open {
		return nil
	}
	return page.TypeArgs().At(0)
}

// check complains about a call that decodes or answers something else than a type of wire.
func (s *bodySearch) check(in *ast.FuncDecl, call *ast.CallExpr, called any) {
	self := any(s.info.Defs[in.Name])
	if index, ok := call.Fun.(*ast.IndexExpr); ok && s.decodes[called] && !s.decodes[self] {
		s.decoded[s.known(call, s.info.TypeOf(index.Index))] = true
	}
	if at, shows := s.shows[called]; shows {
		s.answered++
		if show, ok := s.info.TypeOf(call.Args[at]).(*types.Signature); ok && show.Results().Len() == 1 {
			s.known(call, show.Results().At(0).Type())
		} else {
			s.complain(call.Pos(), "it cannot be seen what is shown")
		}
	}
	if at, answers := s.answers[called]; answers && len(call.Args) > at {
		if _, passed := s.answers[self]; !passed && s.onPage(call.Args[at]) == nil {
			s.answered++
			s.known(call, s.info.TypeOf(call.Args[at]))
		}
	}
}

// known complains about a type that is not of wire.
func (s *bodySearch) known(call *ast.CallExpr, body types.Type) string {
	if named, ok := types.Unalias(body).(*types.Named); ok && named.Obj().Pkg() == s.wire {
		return named.Obj().Name()
	}
	s.complain(call.Pos(), "%v is not a type of wire", body)
	return ""
}
