// Command goclient writes client/api/api.gen.go: it simplifies the description of the API to what a caller in Go
// needs (simplify.go), and has oapi-codegen make types and methods of that with the templates of client/api.
//
//	go run ./internal/tools/goclient . # the root of the repository
//
// go generate ./internal/httpapi/openapi runs it, after the description was joined.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: goclient ROOT")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "goclient:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string) error {
	text, err := os.ReadFile(filepath.Join(root, "internal", "httpapi", "openapi", "openapi.json")) //nolint:gosec // the folder is the caller's
	if err != nil {
		return fmt.Errorf("read the description: %w", err)
	}
	simple, err := simplify(text)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "goclient")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	description := filepath.Join(folder, "simple.json")
	if err := os.WriteFile(description, simple, 0o600); err != nil { //nolint:gosec // in a folder of our own
		return fmt.Errorf("write the simpler description: %w", err)
	}
	// The generator has a module of its own, so that its dependencies are none of Presswork's; paths are from there.
	generate := exec.CommandContext(ctx, "go", "tool", "oapi-codegen", "-config", "../../client/api/config.yaml", description) //nolint:gosec // nothing from outside
	generate.Dir = filepath.Join(root, "tools", "api")
	if out, err := generate.CombinedOutput(); err != nil {
		return fmt.Errorf("generate: %w\n%s", err, out)
	}
	return nil
}

func simplify(text []byte) ([]byte, error) {
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	components := at(document, "components")
	if err := number(text, at(components, "schemas")); err != nil {
		return nil, err
	}
	for _, item := range at(document, "paths") {
		simplifyPath(object(item), at(components, "parameters"))
	}
	document["components"] = map[string]any{"schemas": simplifySchema(components["schemas"])}
	delete(document, "webhooks")
	return json.Marshal(document)
}
