package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// mainLines is how long cmd/*/main.go may be: it hands over to the commands and nothing else.
const mainLines = 60

// checkNames refuses packages named for nothing in particular.
func checkNames(bad []string) check {
	return func(src *source) []violation {
		var found []violation
		for _, f := range src.files {
			if slices.Contains(bad, strings.TrimSuffix(f.syntax.Name.Name, "_test")) {
				found = append(found, src.violation(f.syntax.Name.Pos(), "package %s: name it for what it does", f.syntax.Name.Name))
			}
		}
		return found
	}
}

// checkMain holds the size of main.go.
func checkMain(src *source) []violation {
	var found []violation
	for _, f := range src.files {
		lines := src.fset.File(f.syntax.FileStart).LineCount()
		if below(f.pkg, "cmd") && strings.HasSuffix(f.path, "/main.go") && lines > mainLines {
			found = append(found, src.violation(f.syntax.Package, "%d lines, at most %d", lines, mainLines))
		}
	}
	return found
}

// checkInit refuses init functions: what a program needs is wired where one can read it.
func checkInit(src *source) []violation {
	var found []violation
	for _, f := range src.files {
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && !f.test && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, src.violation(fn.Pos(), "func init: wire it in internal/app"))
			}
		}
	}
	return found
}

// checkPackageComments wants a text for every package that is compiled.
func checkPackageComments(src *source) []violation {
	var found []violation
	for pkg, files := range src.packages() {
		if !slices.ContainsFunc(files, func(f file) bool { return f.syntax.Doc != nil }) {
			found = append(found, src.violation(files[0].syntax.Package, "package %s has no comment", pkg))
		}
	}
	return found
}

func TestHabitsCanFail(t *testing.T) {
	t.Parallel()
	prove(t, checkNames(badNames), []sample{
		{"utils", map[string]string{"internal/utils/f.go": "package utils\n"}, []string{"package utils"}},
		{"test of helpers", map[string]string{"internal/x/f_test.go": "package helpers_test\n"}, []string{"package helpers_test"}},
		{"good name", map[string]string{"internal/audit/f.go": "package audit\n"}, nil},
	})
	prove(t, checkMain, []sample{
		{"short", map[string]string{"cmd/presswork/main.go": "package main\n"}, nil},
		{"long", map[string]string{"cmd/presswork/main.go": "package main\n" + strings.Repeat("\n", mainLines)}, []string{"61 lines"}},
		{"another file", map[string]string{"cmd/presswork/api.go": "package main\n" + strings.Repeat("\n", mainLines)}, nil},
	})
	prove(t, checkInit, []sample{
		{"init", map[string]string{"a/f.go": "package a\nfunc init() {}\n"}, []string{"a/f.go:2"}},
		{"init in a test", map[string]string{"a/f_test.go": "package a\nfunc init() {}\n"}, nil},
		{"method", map[string]string{"a/f.go": "package a\ntype t int\nfunc (t) init() {}\n"}, nil},
	})
	prove(t, checkPackageComments, []sample{
		{"comment", map[string]string{"a/f.go": "// Package a is.\npackage a\n", "a/g.go": "package a\n"}, nil},
		{"none", map[string]string{"a/f.go": "package a\n"}, []string{"package a has no comment"}},
		{"tests only", map[string]string{"a/f_test.go": "package a\n"}, nil},
	})
}
