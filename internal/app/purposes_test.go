package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// purposes is every key that is derived from SECRET_KEY: the words that its derivation has, and where. Two uses with the same
// words would share a key.
func purposes() map[string]string {
	return map[string]string{
		"presswork seal key v1":             "internal/seal",
		"presswork seal key id v1":          "internal/seal",
		"presswork mark key v1":             "internal/seal",
		"presswork subscriber ticket v1":    "internal/token",
		"presswork recipient link v1":       "internal/token",
		"presswork suppression address v1":  "internal/suppression",
		"presswork client address v1":       "internal/auth",
		"presswork token subject v1":        "internal/bearer",
		"presswork rate limit key v1":       "internal/ratelimit",
		"presswork audit chain key v1":      "internal/audit",
		"presswork audit chain key id v1":   "internal/audit",
		"presswork consent chain key v1":    "internal/consent",
		"presswork consent chain key id v1": "internal/consent",
	}
}

// usesOfTheKey are the files that may see SECRET_KEY itself: where it is read, where it is given to what derives keys, where it
// signs tokens (HS256 has the key that the issuer has, which nobody else can derive), and what hands it to a child process.
func usesOfTheKey() []string {
	return []string{"internal/app/access.go", "internal/app/audit.go", "internal/app/consent.go", "internal/app/embedded.go", "internal/app/keys.go", "internal/app/providers.go", "internal/app/ratelimit.go",
		"internal/app/token.go", "internal/config/config.go", "internal/config/use.go", "internal/demo/understudy.go"}
}

// TestEachUseHasAKeyOfItsOwn reads the sources: whoever derives a key says for what, in words of its own, and nothing else
// has SECRET_KEY.
func TestEachUseHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	found, uses := map[string]string{}, []string{}
	err := fs.WalkDir(root, "internal", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			return err
		}
		derivations(t, name, file, found)
		if seesTheKey(file) {
			uses = append(uses, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := purposes()
	for words, where := range found {
		if want[words] != where {
			t.Errorf("%s derives a key for %q, which is not in the list", where, words)
		}
		delete(want, words)
	}
	for words := range want {
		t.Errorf("no key is derived for %q", words)
	}
	if slices.Sort(uses); !slices.Equal(uses, usesOfTheKey()) {
		t.Errorf("SECRET_KEY is seen by %q", uses)
	}
}

// derivations notes the words of each hkdf.Key call of a file, which have to be a constant of the file.
func derivations(t *testing.T, name string, file *ast.File, found map[string]string) {
	t.Helper()
	constants := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
			for i, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					constants[spec.Names[i].Name] = strings.Trim(literal.Value, `"`)
				}
			}
		}
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !isSelector(call.Fun, "hkdf", "Key") || len(call.Args) != 5 {
			return true
		}
		words := ""
		if ident, ok := call.Args[3].(*ast.Ident); ok {
			words = constants[ident.Name]
		}
		if words == "" || found[words] != "" {
			t.Errorf("%s derives a key for %q, which is empty, no constant of the file, or taken by %s", name, words, found[words])
		}
		found[words] = path.Dir(name)
		return true
	})
}

func isSelector(e ast.Expr, of, name string) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	ident, ok := selector.X.(*ast.Ident)
	return ok && ident.Name == of
}

// seesTheKey reports whether a file has the field SecretKey of the settings, or PreviousKeys.
func seesTheKey(file *ast.File) bool {
	seen := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			seen = seen || n.Sel.Name == "SecretKey" || n.Sel.Name == "PreviousKeys"
		case *ast.Field:
			for _, name := range n.Names {
				seen = seen || name.Name == "SecretKey" || name.Name == "PreviousKeys"
			}
		}
		return true
	})
	return seen
}
