package archtest

import (
	"go/ast"
	"strconv"
	"strings"
	"testing"
)

// checkArrows holds what each package may import.
func checkArrows(table []rule) check {
	return func(src *source) []violation {
		var found []violation
		for pkg, files := range src.packages() {
			r, name, ok := ruleOf(table, pkg)
			if !ok {
				found = append(found, src.violation(files[0].syntax.Package, "no rule names package %s", pkg))
				continue
			}
			for _, f := range files {
				for _, spec := range f.syntax.Imports {
					if path := importPath(spec); !r.allows(path, name) {
						found = append(found, src.violation(spec.Pos(), "%s may not import %s", pkg, path))
					}
				}
			}
		}
		return found
	}
}

// ruleOf finds the first rule for pkg and the name in it that pkg goes by.
func ruleOf(table []rule, pkg string) (rule, string, bool) {
	for _, r := range table {
		for name := range strings.FieldsSeq(r.pkgs) {
			if below(pkg, name) {
				return r, name, true
			}
		}
	}
	return rule{}, "", false
}

// allows says whether the rule lets a package import path; name is what the package goes by in the rule.
func (r rule) allows(path, name string) bool {
	own, ours := strings.CutPrefix(path, module+"/")
	switch {
	case ours && below(own, name), standard(path):
		return true
	case ours:
		return listed(own, r.may, below)
	default:
		return listed(path, r.libs, below)
	}
}

// listed says whether names has path, where * is everything and -name is all but that.
func listed(path, names string, match func(path, names string) bool) bool {
	ok := false
	for name := range strings.FieldsSeq(names) {
		except, isExcept := strings.CutPrefix(name, "-")
		switch {
		case isExcept && match(path, except):
			return false
		case name == anything, !isExcept && match(path, name):
			ok = true
		}
	}
	return ok
}

// standard says whether an import is of the standard library: those have no dot in the first element.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func importPath(spec *ast.ImportSpec) string {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return path
}

// checkOwners holds who may know a library. The longest prefix in the table decides.
func checkOwners(table []owner) check {
	return func(src *source) []violation {
		var found []violation
		for _, f := range src.files {
			if f.test {
				continue
			}
			for _, spec := range f.syntax.Imports {
				path := importPath(spec)
				if o, ok := ownerOf(table, path); ok && !below(f.pkg, o.pkgs) {
					found = append(found, src.violation(spec.Pos(), "%s is for %s, not for %s", path, o.pkgs, f.pkg))
				}
			}
		}
		return found
	}
}

func ownerOf(table []owner, path string) (owner, bool) {
	var best owner
	for _, o := range table {
		if below(path, o.lib) && len(o.lib) > len(best.lib) {
			best = o
		}
	}
	return best, best.lib != ""
}

func TestArrowsCanFail(t *testing.T) {
	t.Parallel()
	imports := func(pkg, path string) map[string]string {
		return map[string]string{pkg + "/f.go": "package p\nimport _ \"" + path + "\"\n"}
	}
	ours := func(pkg, path string) map[string]string { return imports(pkg, module+"/"+path) }
	may := func(pkg, path string) []string { return []string{pkg + "/f.go:2: " + pkg + " may not import " + path} }
	prove(t, checkArrows(rules), []sample{
		{"command knows the application", ours("cmd/presswork", "internal/app/cli"), nil},
		{"command knows a store", ours("cmd/presswork", "internal/postgres"), may("cmd/presswork", module+"/internal/postgres")},
		{"command knows a library", imports("cmd/presswork", "go.uber.org/zap"), may("cmd/presswork", "go.uber.org/zap")},
		{"application knows adapters", ours("internal/app", "internal/provider/ses"), nil},
		{"application knows test support", ours("internal/app", "internal/testkit/dbtest"), may("internal/app", module+"/internal/testkit")},
		{"adapter knows the domain", ours("internal/httpapi", "internal/publication"), nil},
		{"adapter knows an adapter", ours("internal/httpapi", "internal/postgres"), may("internal/httpapi", module+"/internal/postgres")},
		{"adapter knows the application", ours("internal/queue", "internal/app"), may("internal/queue", module+"/internal/app")},
		{"adapter reads settings", ours("internal/worker", "internal/config"), may("internal/worker", module+"/internal/config")},
		{"worker knows the queue", ours("internal/worker", "internal/queue"), nil},
		{"queue knows the worker", ours("internal/queue", "internal/worker"), may("internal/queue", module+"/internal/worker")},
		{"provider knows a provider", ours("internal/provider/ses", "internal/provider/smtp"), may("internal/provider/ses", module)},
		{"own folder", ours("internal/jinja", "internal/jinja/syntax"), nil},
		{"own folder from below", ours("internal/jinja/syntax", "internal/jinja"), nil},
		{"domain knows the core", ours("internal/delivery", "internal/fault"), nil},
		{"domain knows a domain", ours("internal/delivery", "internal/publication"), may("internal/delivery", module+"/internal/publication")},
		{"domain knows an adapter", ours("internal/audit", "internal/postgres"), may("internal/audit", module+"/internal/postgres")},
		{"domain logs", imports("internal/audit", "go.uber.org/zap"), may("internal/audit", "go.uber.org/zap")},
		{"content has its libraries", imports("internal/content", "github.com/yuin/goldmark/extension"), nil},
		{"rendition knows templates", ours("internal/rendition", "internal/template"), nil},
		{"rendition knows subscribers", ours("internal/rendition", "internal/subscriber"), may("internal/rendition", module)},
		{"tasks are for others too", ours("tasks", "internal/ident"), may("tasks", module+"/internal/ident")},
		{"tasks are standard", imports("tasks", "github.com/google/uuid"), may("tasks", "github.com/google/uuid")},
		{"tests are free", map[string]string{"tasks/f_test.go": "package p\nimport _ \"" + module + "/internal/app\"\n"}, nil},
		{"a new package", map[string]string{"internal/novel/f.go": "package p\n"}, []string{"no rule names package internal/novel"}},
		{"a like name", ours("internal/delivery", "internal/faulty"), may("internal/delivery", module+"/internal/faulty")},
		{"another module", map[string]string{"tools/go.mod": "module m\n", "tools/f.go": "package p\nimport _ \"x.org/y\"\n"}, nil},
	})
}

func TestOwnersCanFail(t *testing.T) {
	t.Parallel()
	imports := func(file, path string) map[string]string {
		return map[string]string{file: "package p\nimport _ \"" + path + "\"\n"}
	}
	var samples []sample
	for _, o := range owners {
		samples = append(samples,
			sample{o.lib + " elsewhere", imports("internal/audit/f.go", o.lib+"/sub"), []string{o.lib + "/sub is for"}},
			sample{o.lib + " in a test", imports("internal/audit/f_test.go", o.lib), nil},
			sample{o.lib + " at home", imports(strings.Fields(o.pkgs)[0]+"/f.go", o.lib), nil},
		)
	}
	prove(t, checkOwners(owners), append(samples,
		sample{"like name", imports("internal/queue/f.go", "github.com/hibiken/asynqmon"), []string{"internal/ops"}},
		sample{"nobody's", imports("internal/queue/f.go", "github.com/redis/go-redis/v9"), nil},
	))
}
