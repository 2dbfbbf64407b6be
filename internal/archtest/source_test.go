package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the path of the module under test.
const module = "github.com/presswork/presswork"

// file is one parsed Go file.
type file struct {
	path   string // from the module's root, with slashes
	pkg    string // the folder it is in
	test   bool   // compiled for tests only
	syntax *ast.File
}

// source is the whole module, parsed.
type source struct {
	fset  *token.FileSet
	files []file
}

// load parses every Go file of the module. Folders the go command passes over, and modules inside, are left out.
func load(fsys fs.FS) (*source, error) {
	src := &source{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped(fsys, name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return src.parse(fsys, name)
	})
	return src, err
}

func skipped(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if dir == "." {
		return false
	}
	_, err := fs.Stat(fsys, dir+"/go.mod")
	return err == nil || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules"
}

func (s *source) parse(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	s.files = append(s.files, file{
		path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax,
	})
	return nil
}

// packages groups the files that are not tests by package.
func (s *source) packages() map[string][]file {
	packages := map[string][]file{}
	for _, f := range s.files {
		if !f.test {
			packages[f.pkg] = append(packages[f.pkg], f)
		}
	}
	return packages
}

// violation is one place that breaks a rule.
type violation struct {
	at   token.Position
	what string
}

func (v violation) String() string { return fmt.Sprintf("%s:%d: %s", v.at.Filename, v.at.Line, v.what) }

func (s *source) violation(pos token.Pos, format string, args ...any) violation {
	return violation{at: s.fset.Position(pos), what: fmt.Sprintf(format, args...)}
}

// resolve finds what each name of a package means and which expressions are constant. Imports are not
// followed: what comes from another package stays unknown, which is enough for rules about our own names.
func (s *source) resolve(pkg string, files []file) *types.Info {
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	syntax := make([]*ast.File, len(files))
	for i, f := range files {
		syntax[i] = f.syntax
	}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	_, _ = config.Check(module+"/"+pkg, s.fset, syntax, info) // incomplete on purpose
	return info
}

// noImports knows no package.
type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	return nil, fmt.Errorf("%s is not followed", path)
}

// check is a rule: it lists the places that break it.
type check func(*source) []violation

// sorted puts violations in the order of the source.
func sorted(violations []violation) []violation {
	slices.SortFunc(violations, func(a, b violation) int {
		return cmp.Or(cmp.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Offset, b.at.Offset))
	})
	return violations
}

// sample is a small module and what a check must say about it: a part of each message, in order.
type sample struct {
	name  string
	files map[string]string
	want  []string
}

// prove runs a check on samples: a check that cannot fail proves nothing.
func prove(t *testing.T, rule check, samples []sample) {
	t.Helper()
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{}
			for name, text := range s.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			src, err := load(fsys)
			if err != nil {
				t.Fatal(err)
			}
			got := sorted(rule(src))
			ok := len(got) == len(s.want)
			for i := 0; ok && i < len(got); i++ {
				ok = strings.Contains(got[i].String(), s.want[i])
			}
			if !ok {
				t.Errorf("got %v, want %q", got, s.want)
			}
		})
	}
}
