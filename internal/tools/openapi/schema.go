package main

import (
	"slices"
	"strings"
)

// schema writes out what a schema of the sources leaves out. at is where it stands, for complaints.
func (j *joiner) schema(at string, value any) any {
	o, ok := value.(*object)
	if !ok {
		return value // true and false are schemas as well
	}
	if name := o.text("$ref"); name != "" {
		return j.reference(at, o, name)
	}
	out := newObject()
	for _, key := range o.names {
		switch key {
		case "optional":
		case "properties":
			out.set(key, j.properties(at, o.object(key)))
			if required := j.required(at, o); len(required) > 0 {
				out.set("required", required)
			}
		case "items", "additionalProperties", "propertyNames":
			out.set(key, j.schema(at+" "+key, o.values[key]))
		case "oneOf":
			list := []any{}
			for _, one := range o.list(key) {
				list = append(list, j.schema(at+" "+key, one))
			}
			out.set(key, list)
		default:
			out.set(key, o.values[key])
		}
	}
	return out
}

func (j *joiner) properties(at string, from *object) *object {
	properties := newObject()
	for _, name := range from.names {
		properties.set(name, j.schema(at+"."+name, from.values[name]))
	}
	return properties
}

// required are the properties that are always there: of what is answered all but the optional ones.
func (j *joiner) required(at string, o *object) []any {
	if given := o.list("required"); given != nil || o.has("additionalProperties") && !o.has("optional") {
		return nil // it is copied as it stands
	}
	optional := o.list("optional")
	for _, name := range optional {
		if name, _ := name.(string); !o.object("properties").has(name) {
			j.complain("%s: %s is optional and no property", at, name)
		}
	}
	required := []any{}
	for _, name := range o.object("properties").names {
		if !slices.Contains(optional, any(name)) {
			required = append(required, name)
		}
	}
	return required
}

// reference is a $ref to a schema by its name, or what it refers to with null beside it.
func (j *joiner) reference(at string, o *object, name string) any {
	if !j.schemas.has(name) {
		j.complain("%s: there is no schema %s", at, name)
	}
	path := "#/components/schemas/" + strings.TrimSpace(name)
	orNull, _ := o.values["orNull"].(bool)
	if !orNull {
		out := newObject("$ref", path)
		if text := o.text("description"); text != "" {
			out.set("description", text)
		}
		return out
	}
	named := j.schemas.object(name)
	if named.text("type") == "object" || named.has("enum") {
		return newObject("oneOf", []any{newObject("$ref", path), newObject("type", "null")}, "description", o.text("description"))
	}
	out := newObject()
	for _, key := range named.names {
		switch key {
		case "type":
			out.set(key, []any{named.text(key), "null"})
		default:
			out.set(key, named.values[key])
		}
	}
	out.set("description", o.text("description"))
	return out
}
