// Command openapi joins the sources of the API's description into one OpenAPI 3.1 document, and writes it as a page as well.
//
// The sources are YAML, a file for each resource, written as OpenAPI but for what would be repeated everywhere:
//
//   - A file has tag, about (one of those with the same tag has), paths, webhooks, and parameters, headers and schemas, which all files may use by name.
//   - parameters: [limit] and $ref: Topic stand for references. Parameters of a path are added by their names.
//   - body: {schema: TopicInput} is a request body of JSON. answers: {'200': {text, schema | page | content, headers}} are the
//     responses; page: Topic is a list of them with a cursor. errors: [404] are the shared problems.
//   - An operation is open: true or needs a permission, and then has the errors that every such operation can have.
//   - optional: [next] in a schema means that all other properties are required. orNull: true allows null beside a $ref.
//   - Examples are those of the schemas.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	source := flag.String("source", "source", "folder of the YAML files")
	out := flag.String("out", ".", "folder of openapi.json and page.html")
	types := flag.String("types", "", "file of the schemas alone, in the form that Go types are made of; none if it is empty")
	flag.Parse()
	if err := run(*source, *out, *types); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run(source, out, types string) error {
	sources, err := read(source)
	if err != nil {
		return err
	}
	document, err := join(sources)
	if err != nil {
		return err
	}
	text, err := indented(document)
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	page, err := renderPage(document)
	if err != nil {
		return err
	}
	files := map[string][]byte{filepath.Join(out, "openapi.json"): []byte(text + "\n"), filepath.Join(out, "page.html"): page}
	if types != "" {
		if files[types], err = encode(typesOf(document)); err != nil {
			return fmt.Errorf("write the types: %w", err)
		}
	}
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as below
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // they are sources like others
			return err
		}
	}
	return nil
}

// indented is a value as JSON in lines.
func indented(value any) (string, error) {
	text, err := encode(value)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return "", err
	}
	return b.String(), nil
}

// read reads every file of a folder by its name without the ending.
func read(folder string) (map[string]*object, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	files := make(map[string]*object, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path) //nolint:gosec // the folder is the caller's
		if err != nil {
			return nil, err
		}
		if files[filepath.Base(path[:len(path)-len(".yaml")])], err = parse(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return files, nil
}
