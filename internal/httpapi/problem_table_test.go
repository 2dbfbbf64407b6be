package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// elsewhere are packages whose faults no client of the API sees: they end in dead letters, tasks or pages.
func elsewhere() []string {
	return []string{"internal/worker", "internal/delivery", "internal/budget", "internal/mime", "internal/rendition", "internal/edition", "internal/pages",
		"internal/provider/attempt", "internal/provider/smtp", "internal/provider/slack", "internal/provider/discord", "internal/provider/webhook",
		"internal/provider/placeholder", "internal/provider/ses.go", "internal/sandbox", "internal/demo", "internal/bench", "internal/testkit", "internal/tools"}
}

// notForClients are codes of packages that clients do hear of, which they do not.
func notForClients() map[string]string {
	return map[string]string{
		"unreadable_task": "of a task", "not_due": "of a batch", "erasure_unreadable": "of the search, in the scheduler's log", "no_secret_key": "internal: answered as such", "sending_paused": "of a delivery",
	}
}

// emitted is what the sources can answer: by code, the kinds that they give it, with where.
type emitted map[string]map[string]string

func (e emitted) add(code, kind, where string) {
	if e[code] == nil {
		e[code] = map[string]string{}
	}
	e[code][kind] = where
}

// readFaults reads every file of a package for calls of fault.New, Wrap and WaitFor, and for fault.Error literals.
func readFaults(t *testing.T, root fs.FS, names []string, found emitted) {
	t.Helper()
	set, files, constants := token.NewFileSet(), []*ast.File{}, map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(set, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == len(spec.Names) {
				for i, value := range spec.Values {
					constants[spec.Names[i].Name] = literal(value, nil)
				}
			}
			return true
		})
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			kind, code := faultOf(n)
			if text := literal(code, constants); text != "" {
				found.add(text, kind, set.Position(n.Pos()).String())
			}
			return true
		})
	}
}

// faultOf is the name of the kind, "" if it is no constant, and the code of a fault; nil: it is none.
func faultOf(n ast.Node) (kind string, code ast.Expr) {
	switch x := n.(type) {
	case *ast.CallExpr:
		switch name := selected(x.Fun); {
		case name == "fault.New" && len(x.Args) == 3:
			return selected(x.Args[0]), x.Args[1]
		case name == "fault.Wrap" && len(x.Args) == 3:
			return selected(x.Args[1]), x.Args[2]
		case name == "fault.WaitFor" && len(x.Args) == 3:
			return "fault.Wait", x.Args[1]
		}
	case *ast.CompositeLit:
		if name := selected(x.Type); name != "fault.Error" && name != "Error" {
			return "", nil
		}
		for _, e := range x.Elts {
			pair, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch key, _ := pair.Key.(*ast.Ident); key.Name {
			case "Kind":
				kind = selected(pair.Value)
			case "Code":
				code = pair.Value
			}
		}
	}
	return kind, code
}

func selected(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.SelectorExpr:
		if of, ok := x.X.(*ast.Ident); ok {
			return of.Name + "." + x.Sel.Name
		}
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// literal is a string literal, or the constant that a name stands for.
func literal(e ast.Expr, constants map[string]string) string {
	switch x := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(x.Value); err == nil {
			return text
		}
	case *ast.Ident:
		return constants[x.Name]
	}
	return ""
}

// kindNamed is a kind by its name in Go: fault.NotFound.
func kindNamed(name string) (fault.Kind, bool) {
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		if strings.EqualFold(strings.TrimPrefix(name, "fault."), strings.ReplaceAll(k.String(), "_", "")) {
			return k, true
		}
	}
	return 0, false
}

func sources(t *testing.T) emitted {
	t.Helper()
	root := os.DirFS("../..")
	packages := map[string][]string{}
	err := fs.WalkDir(root, "internal", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		for _, p := range elsewhere() {
			if strings.HasPrefix(name, p+"/") {
				return nil
			}
		}
		packages[path.Dir(name)] = append(packages[path.Dir(name)], name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found := emitted{}
	for _, names := range packages {
		readFaults(t, root, names, found)
	}
	return found
}

// TestEveryProblemIsExplained: what can be answered is in the table, with the status that it is answered with, and nothing
// else is.
func TestEveryProblemIsExplained(t *testing.T) {
	t.Parallel()
	table, internal := problemTypes(), notForClients()
	found := sources(t)
	for code, kinds := range found {
		if _, no := internal[code]; no {
			delete(internal, code)
			continue
		}
		explained, ok := table[code]
		for name, where := range kinds {
			if !ok {
				t.Errorf("%s: the problem %s is not explained (problem_table.go)", where, code)
				continue
			}
			if kind, known := kindNamed(name); known && statusOf(kind, code) != explained.Status {
				t.Errorf("%s: %s is answered %d, and explained as %d", where, code, statusOf(kind, code), explained.Status)
			}
		}
	}
	for code, t0 := range table {
		if found[code] == nil {
			t.Errorf("nothing answers %s", code)
		}
		if t0.Cause == "" || t0.Remedy == "" || http.StatusText(t0.Status) == "" || strings.Count(t0.Cause+t0.Remedy, "`")%2 != 0 {
			t.Errorf("%s is explained as %+v", code, t0)
		}
	}
	for code := range internal {
		t.Errorf("%s needs no exception", code)
	}
	if len(found) < 40 {
		t.Errorf("only %d codes were found", len(found))
	}
}

func TestProblemPages(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	for code, explained := range problemTypes() {
		page := a.do("GET", "/problems/"+code, nil, "Authorization: ", "Accept: text/html,application/xhtml+xml,application/json;q=0.9").want(http.StatusOK)
		if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.Body, code) ||
			!strings.Contains(page.Body, http.StatusText(explained.Status)) {
			t.Errorf("%s: %s", code, page.Body)
		}
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'sha256-") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: %s", code, policy)
		}
		got := read[map[string]any](a.do("GET", "/problems/"+code, nil, "Authorization: ", "Accept: application/json").want(http.StatusOK))
		if got["type"] != "/problems/"+code || got["cause"] != explained.Cause || got["status"] != float64(explained.Status) {
			t.Errorf("%s: %v", code, got)
		}
	}
	index := a.do("GET", "/problems", nil, "Authorization: ").want(http.StatusOK)
	if strings.Count(index.Body, "<section>") != len(problemTypes()) || strings.Contains(index.Body, "`") {
		t.Errorf("the index has %d", strings.Count(index.Body, "<section>"))
	}
	a.do("GET", "/problems/nothing", nil).problem(http.StatusNotFound, "not_found")
	a.do("GET", "/problems/%3Cscript%3E", nil).problem(http.StatusNotFound, "not_found")
	list := read[wire.ProblemTypes](a.do("GET", "/problems", nil, "Accept: application/problem+json"))
	if len(list.Items) != len(problemTypes()) {
		t.Errorf("%d are listed", len(list.Items))
	}
}
