package attack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/openapi"
)

// node is an object of JSON.
type node = map[string]any

// operation is one of the API's description, with what a client may write into it.
type operation struct {
	method, path, id string
	params           []param
	bodies           []body
	// made is the id that the examples give to what the operation makes; "": it makes nothing.
	made string
}

// param is a parameter of the path, the query or the header.
type param struct {
	name, in, example string
	required          bool
	// chosen: one of a list, or a number, so that no other text means anything.
	chosen bool
}

// body is what an operation takes as one media type.
type body struct {
	media    string
	examples []any
	fields   []field
}

// field is a place in a body of JSON. An asterisk in its way is a name that the client chooses.
type field struct {
	way  []string
	text bool // a text may stand there
}

// document is the description.
type document struct{ root node }

func loadDocument(t testing.TB) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(openapi.Document()), &d.root); err != nil {
		t.Fatal(err)
	}
	return d
}

// resolve follows references.
func (d document) resolve(value any) node {
	o, _ := value.(node)
	ref, _ := o["$ref"].(string)
	if ref == "" {
		return o
	}
	var found any = d.root
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		inner, _ := found.(node)
		found = inner[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return d.resolve(found)
}

// operations are all that there are, in the order of their paths.
func (d document) operations() []operation {
	var list []operation
	paths, _ := d.root["paths"].(node)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := d.resolve(paths[path])
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			if item[method] != nil {
				list = append(list, d.operation(path, method, item))
			}
		}
	}
	return list
}

func (d document) operation(path, method string, item node) operation {
	o := d.resolve(item[method])
	id, _ := o["operationId"].(string)
	out := operation{method: strings.ToUpper(method), path: path, id: id}
	shared, _ := item["parameters"].([]any)
	own, _ := o["parameters"].([]any)
	for _, value := range slices.Concat(shared, own) {
		p := d.resolve(value)
		name, _ := p["name"].(string)
		in, _ := p["in"].(string)
		required, _ := p["required"].(bool)
		schema := d.resolve(p["schema"])
		out.params = append(out.params, param{name: name, in: in, required: required, example: textOf(p["example"]),
			chosen: schema["enum"] != nil || schema["type"] == "integer" || schema["type"] == "boolean"})
	}
	request := d.resolve(o["requestBody"])
	content, _ := request["content"].(node)
	for _, media := range slices.Sorted(maps.Keys(content)) {
		one := d.resolve(content[media])
		b := body{media: media, examples: d.examples(one)}
		if media == "application/json" {
			d.walk(one["schema"], nil, &b.fields)
		}
		out.bodies = append(out.bodies, b)
	}
	out.made = d.madeBy(o)
	return out
}

// madeBy is the id in the example of an answer that says that something was made.
func (d document) madeBy(o node) string {
	responses, _ := o["responses"].(node)
	for _, status := range []string{"201", "202"} {
		content, _ := d.resolve(responses[status])["content"].(node)
		for _, example := range d.examples(d.resolve(content["application/json"])) {
			if made, ok := example.(node); ok {
				return textOf(made["id"])
			}
		}
	}
	return ""
}

func (d document) examples(media node) []any {
	var list []any
	named, _ := media["examples"].(node)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		list = append(list, tame(d.resolve(named[name])["value"]))
	}
	if media["example"] != nil {
		list = append(list, media["example"])
	}
	return list
}

// tame keeps an example from calling a provider on the Internet: a channel that is switched on is tried at once.
func tame(example any) any {
	o, ok := example.(node)
	if !ok || o["provider"] == nil {
		return example
	}
	o["enabled"] = false
	if settings, ok := o["settings"].(node); ok && o["provider"] == "slack" {
		settings["api_url"] = "http://127.0.0.1:9/" // which the house does not allow
	}
	return o
}

// deepest bounds the walk: schemas may contain themselves.
const deepest = 6

// walk collects the places that a schema describes, each once.
func (d document) walk(value any, way []string, fields *[]field) {
	schema := d.resolve(value)
	if len(way) > deepest {
		return
	}
	for _, how := range []string{"allOf", "oneOf", "anyOf"} {
		parts, _ := schema[how].([]any)
		for _, part := range parts {
			d.walk(part, way, fields)
		}
	}
	properties, _ := schema["properties"].(node)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		d.walk(properties[name], append(slices.Clone(way), name), fields)
	}
	if schema["items"] != nil {
		d.walk(schema["items"], append(slices.Clone(way), "0"), fields)
	}
	if free, ok := schema["additionalProperties"].(node); ok {
		d.walk(free, append(slices.Clone(way), "*"), fields)
	}
	if len(way) == 0 || slices.ContainsFunc(*fields, func(f field) bool { return slices.Equal(f.way, way) }) {
		return
	}
	*fields = append(*fields, field{way: way, text: strings.Contains(fmt.Sprint(schema["type"]), "string") || schema["type"] == nil})
}

func textOf(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// slot stands in a body where an input goes: as a value, or as a name.
const (
	slot     = "@@slot@@"
	nameSlot = "@@name@@"
)

// with is an example of a body with the slot at a field. named puts the slot in place of the name that the client chooses.
func (b body) with(f field, named bool) string {
	var base any = node{}
	for _, example := range b.examples {
		if found := at(example, f.way[:len(f.way)-1]); found != nil {
			base = example
			break
		}
	}
	text, err := json.Marshal(base)
	if err != nil {
		panic(err) // it came from JSON
	}
	var fresh any
	if err := json.Unmarshal(text, &fresh); err != nil {
		panic(err)
	}
	text, err = json.Marshal(put(fresh, f.way, named))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// put sets the slot at a place, making what leads there.
func put(value any, way []string, named bool) any {
	if len(way) == 0 {
		return slot
	}
	if way[0] == "0" {
		list, _ := value.([]any)
		if len(list) == 0 {
			list = []any{nil}
		}
		list[0] = put(list[0], way[1:], named)
		return list
	}
	o, ok := value.(node)
	if !ok {
		o = node{}
	}
	name := way[0]
	if name == "*" {
		name = chosenName(o)
		if named {
			o[nameSlot] = o[name]
			delete(o, name)
			return o
		}
	}
	o[name] = put(o[name], way[1:], named)
	return o
}

// chosenName is the first name that there is.
func chosenName(o node) string {
	if names := slices.Sorted(maps.Keys(o)); len(names) > 0 {
		return names[0]
	}
	return "x"
}

// at is what stands at a place; nil if there is nothing.
func at(value any, way []string) any {
	for _, name := range way {
		switch v := value.(type) {
		case node:
			if name == "*" {
				name = chosenName(v)
			}
			value = v[name]
		case []any:
			if len(v) == 0 {
				return nil
			}
			value = v[0]
		default:
			return nil
		}
	}
	return value
}

func jsonOf(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
