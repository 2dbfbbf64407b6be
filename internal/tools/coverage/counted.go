package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// supportDirs hold what exists for tests only. Folders that end in "test", as net/http/httptest does, are
// support as well.
var supportDirs = [...]string{"internal/testkit", "internal/archtest", "internal/e2e", "internal/chaos"}

// counted tells which files of the module count.
type counted struct {
	root, module string
	known        map[string]bool // answers given, by file
}

func newCounted(root string) (*counted, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod")) //nolint:gosec // the module's own file
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mod)) {
		if module, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return &counted{root: root, module: module, known: map[string]bool{}}, nil
		}
	}
	return nil, fmt.Errorf("%s/go.mod names no module", root)
}

// includes says whether the statements of file, named as the profile does, count. It reads the file's head.
func (c *counted) includes(file string) (bool, error) {
	if answer, ok := c.known[file]; ok {
		return answer, nil
	}
	answer, err := c.look(file)
	if err != nil {
		return false, err
	}
	c.known[file] = answer
	return answer, nil
}

func (c *counted) look(file string) (bool, error) {
	rel, ok := strings.CutPrefix(file, c.module+"/")
	if !ok {
		return false, fmt.Errorf("%s is not in module %s", file, c.module)
	}
	if isSupport(path.Dir(rel)) {
		return false, nil
	}
	name := filepath.Join(c.root, filepath.FromSlash(rel))
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return false, fmt.Errorf("the profile is older than the source: %w", err)
	}
	return parsed.Name.Name != "main" && !ast.IsGenerated(parsed), nil
}

func isSupport(dir string) bool {
	if strings.HasSuffix(dir, "test") {
		return true
	}
	for _, support := range supportDirs {
		if dir == support || strings.HasPrefix(dir, support+"/") {
			return true
		}
	}
	return false
}
