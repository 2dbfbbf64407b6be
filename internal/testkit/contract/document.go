package contract

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/presswork/presswork/internal/httpapi/openapi"
)

// node is an object of the document.
type node = map[string]any

// document is the description, ready to be compared with.
type document struct {
	root       node
	operations []operation

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer; compiled when first used
}

// operation is a method of a path.
type operation struct {
	method, path string
	segments     []string
	pointer      string // of the operation
	node         node
	parameters   []parameter // of the operation and of its path
}

// parameter is one of an operation, and where it is described.
type parameter struct {
	node
	pointer string
}

// loaded reads the document once for all tests of a process.
var loaded = sync.OnceValues(load)

// resource is the name of the document among those that schemas refer to.
const resource = "mem:///openapi.json"

func load() (*document, error) {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(openapi.Document()))
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	root, _ := value.(node)
	// What is answered and not described is a mistake here, though clients have to bear it.
	closeObjects(root)
	d := &document{root: root, schemas: map[string]*jsonschema.Schema{}, compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(resource, root); err != nil {
		return nil, fmt.Errorf("prepare the description: %w", err)
	}
	paths, _ := root["paths"].(node)
	for path, item := range paths {
		inner, _ := item.(node)
		d.addPath(path, inner)
	}
	return d, nil
}

func (d *document) addPath(path string, item node) {
	for method, value := range item {
		op, ok := value.(node)
		if !ok || method == "parameters" {
			continue
		}
		o := operation{method: strings.ToUpper(method), path: path, segments: strings.Split(path, "/"), node: op,
			pointer: "/paths/" + escape(path) + "/" + method}
		o.parameters = append(d.parameters(item, "/paths/"+escape(path)), d.parameters(op, o.pointer)...)
		d.operations = append(d.operations, o)
	}
}

// parameters are those of a path or an operation that stands at a pointer.
func (d *document) parameters(of node, at string) []parameter {
	given, _ := of["parameters"].([]any)
	list := make([]parameter, len(given))
	for i, p := range given {
		list[i].node, list[i].pointer = d.resolve(p, fmt.Sprintf("%s/parameters/%d", at, i))
	}
	return list
}

// closeObjects forbids what objects with properties do not describe, wherever they stand.
func closeObjects(value any) {
	switch v := value.(type) {
	case node:
		if _, ok := v["properties"].(node); ok && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for name, inner := range v {
			if name != "example" && name != "examples" {
				closeObjects(inner)
			}
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// resolve follows a $ref; at is where the object stands, and what is returned where it stands really.
func (d *document) resolve(value any, at string) (target node, pointer string) {
	o, _ := value.(node)
	ref, ok := o["$ref"].(string)
	if !ok {
		return o, at
	}
	pointer = strings.TrimPrefix(ref, "#")
	var found any = d.root
	for name := range strings.SplitSeq(pointer[1:], "/") {
		inner, _ := found.(node)
		found = inner[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	target, _ = found.(node)
	return target, pointer
}

// fits is what is wrong with a value by the schema at a pointer.
func (d *document) fits(pointer string, value any) error {
	d.mu.Lock()
	schema := d.schemas[pointer]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile(resource + "#" + strings.ReplaceAll(strings.ReplaceAll(pointer, "{", "%7B"), "}", "%7D")); err != nil {
			d.mu.Unlock()
			return fmt.Errorf("the schema at %s: %w", pointer, err)
		}
		d.schemas[pointer] = schema
	}
	d.mu.Unlock()
	return schema.Validate(value)
}

// fitsJSON is fits for text that is to be JSON.
func (d *document) fitsJSON(pointer string, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return d.fits(pointer, value)
}

// find is the operation that serves a request; nil if there is none. known says whether the path has other methods.
func (d *document) find(method, path string) (found *operation, known bool) {
	segments := strings.Split(path, "/")
	best := -1
	for i := range d.operations {
		o := &d.operations[i]
		literal, ok := matches(o.segments, segments)
		if !ok || literal < best {
			continue
		}
		if literal > best {
			best, found = literal, nil
		}
		known = true
		if o.method == method || method == "HEAD" && o.method == "GET" {
			found = o
		}
	}
	return found, known
}

// matches says whether a path is one of a template's, and in how many segments it is literally so.
func matches(template, path []string) (literal int, ok bool) {
	if len(template) != len(path) {
		return 0, false
	}
	for i, segment := range template {
		switch {
		case strings.HasPrefix(segment, "{"):
		case segment == path[i]:
			literal++
		default:
			return 0, false
		}
	}
	return literal, true
}
