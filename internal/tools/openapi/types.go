package main

import (
	"slices"
	"strings"
)

// refPath is where a $ref of the document leads.
const refPath = "#/components/schemas/"

// typesOf is the document's schemas alone, as oapi-codegen makes Go types of them that say what is there and what is not:
//
//   - What may be null is a pointer; lists and maps are nil instead.
//   - What is left out is zero, and where something may be left out, it is if it is zero (omitzero).
//   - Text with an enum is a type of its own; other scalars are what they are, however they are called.
//   - A page of a list is a Page of what is on it.
//
// It says so as OpenAPI 3.0 with extensions: the order of properties, and what makes oapi-codegen put pointers and omitzero.
// Limits, patterns and examples are left out, since types do not have them.
func typesOf(document *object) *object {
	t := typer{document.object("components").object("schemas")}
	schemas := newObject()
	for _, name := range t.schemas.names {
		if item, ok := strings.CutSuffix(name, "Page"); ok && t.schemas.has(item) {
			schemas.set(name, newObject("description", t.schemas.object(name).text("description"), "x-go-type", "Page["+item+"]"))
		} else if t.named(name) {
			schemas.set(name, t.schema(t.schemas.values[name]))
		}
	}
	return newObject("openapi", "3.0.3", "info", newObject("title", "Presswork", "version", "v1"), "paths", newObject(),
		"components", newObject("schemas", schemas))
}

type typer struct{ schemas *object }

// named says whether a schema becomes a type with its name.
func (t typer) named(name string) bool {
	o := t.schemas.object(name)
	return o.has("enum") || o.has("properties")
}

// schema is the form of a schema where null is not spoken of.
func (t typer) schema(value any) *object {
	o, ok := value.(*object)
	if !ok {
		return newObject()
	}
	if ref, ok := strings.CutPrefix(o.text("$ref"), refPath); ok {
		if t.named(ref) {
			return newObject("$ref", refPath+ref)
		}
		inlined := t.schema(t.schemas.values[ref])
		inlined.remove("description") // it is that of all such values
		return inlined
	}
	if one := o.list("oneOf"); len(one) > 0 && !o.has("properties") {
		return t.schema(one[0])
	}
	out := newObject()
	if text := o.text("description"); text != "" {
		out.set("description", text)
	}
	switch kind := kindOf(o); kind {
	case "":
	case "array":
		out.set("type", kind)
		out.set("items", t.schema(o.values["items"]))
	case "object":
		t.object(out, o)
	default:
		scalar(out, kind, o)
	}
	return out
}

// object adds the properties of an object in their order, or what all of them are.
func (t typer) object(out, o *object) {
	out.set("type", "object")
	if inner, ok := o.values["additionalProperties"].(*object); ok {
		out.set("additionalProperties", t.schema(inner))
	}
	if !o.has("properties") {
		return
	}
	present := map[any]bool{}
	for _, name := range o.list("required") {
		present[name] = true
	}
	properties, values := newObject(), []any{}
	for i, name := range o.object("properties").names {
		from := o.object("properties").object(name)
		property := t.schema(from)
		if text := from.text("description"); text != "" && !property.has("$ref") {
			property.set("description", text)
		}
		property.set("x-order", i)
		if t.pointer(from) {
			property.set("x-go-type-skip-optional-pointer", false)
			property.set("x-omitempty", false)
		} else {
			values = append(values, name)
		}
		if !present[name] {
			property.set("x-omitzero", true)
		}
		properties.set(name, property)
	}
	if len(values) > 0 {
		out.set("required", values)
	}
	out.set("properties", properties)
}

// pointer says whether a property needs one, to be null.
func (t typer) pointer(property *object) bool {
	o := t.resolved(property)
	null := orNull(o)
	if one := o.list("oneOf"); len(one) > 0 && !o.has("properties") {
		o, null = t.resolved(one[0]), true // null is the other
	}
	switch kindOf(o) {
	case "", "array":
		return false
	case "object":
		return o.has("properties") && null
	default:
		return null
	}
}

// resolved follows a $ref.
func (t typer) resolved(value any) *object {
	o, ok := value.(*object)
	if !ok {
		return newObject()
	}
	if ref, ok := strings.CutPrefix(o.text("$ref"), refPath); ok {
		return t.schemas.object(ref)
	}
	return o
}

// scalar adds a type and those of its formats that Go has types for.
func scalar(out *object, kind string, o *object) {
	out.set("type", kind)
	switch format := o.text("format"); {
	case kind == "number":
		out.set("format", "double")
	case format == "uuid", format == "date-time", format == "int64":
		out.set("format", format)
	}
	values := []any{}
	for _, value := range o.list("enum") {
		if _, word := value.(string); word {
			values = append(values, value)
		}
	}
	if len(values) > 0 {
		out.set("enum", values)
	}
}

// kindOf is the type of a schema besides null; "" if it is of several types, or of any.
func kindOf(o *object) string {
	kind := o.text("type")
	for _, one := range o.list("type") {
		if one == "null" {
			continue
		}
		if kind != "" {
			return ""
		}
		kind, _ = one.(string)
	}
	return kind
}

// orNull says whether a schema's type lets null through.
func orNull(o *object) bool { return slices.Contains(o.list("type"), any("null")) }
