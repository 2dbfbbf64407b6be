package main

import (
	"regexp"
	"strconv"
	"strings"
)

var inPath = regexp.MustCompile(`\{([a-z]+)\}`)

// everywhere are the errors that every operation with a credential can have.
func everywhere() []string { return []string{"401", "403", "429", "500", "503", "504"} }

// paths adds the paths, or webhooks, of a file.
func (j *joiner) paths(into *object, tag string, from *object) {
	for _, path := range from.names {
		item := from.object(path)
		if into.has(path) {
			j.complain("the path %s is there twice", path)
		}
		out := newObject()
		if strings.HasPrefix(path, "/") {
			out.set("parameters", j.pathParameters(path, item.list("parameters")))
		}
		for _, method := range item.names {
			if method != "parameters" {
				out.set(method, j.operation(method+" "+path, tag, item.object(method)))
			}
		}
		into.set(path, out)
	}
}

// pathParameters are the named ones, those of the path that none of them is, and what every request may have.
func (j *joiner) pathParameters(path string, named []any) []any {
	covered := map[string]bool{}
	for _, name := range named {
		text, _ := name.(string)
		covered[j.parameters.object(text).text("name")] = true
	}
	for _, match := range inPath.FindAllStringSubmatch(path, -1) {
		if !covered[match[1]] {
			named = append(named, match[1])
		}
	}
	return j.parameterList(path, append(named, "correlation"))
}

func (j *joiner) parameterList(at string, from []any) []any {
	list := []any{}
	for _, one := range from {
		switch p := one.(type) {
		case string:
			if !j.parameters.has(p) {
				j.complain("%s: there is no parameter %s", at, p)
			}
			list = append(list, newObject("$ref", "#/components/parameters/"+p))
		case *object:
			list = append(list, j.parameter(at, p))
		}
	}
	return list
}

func (j *joiner) parameter(at string, p *object) *object {
	p.set("schema", j.schema(at, p.values["schema"]))
	return p
}

func (j *joiner) operation(at, tag string, from *object) *object {
	open, _ := from.values["open"].(bool)
	out := newObject("tags", []any{tag})
	errors := []string{}
	for _, key := range from.names {
		switch key {
		case "parameters":
			out.set(key, j.parameterList(at, from.list(key)))
		case "body":
			out.set("requestBody", j.body(at, from.object(key)))
		case "needs":
			scope := []any{from.text(key)}
			out.set("security", []any{newObject("bearer", scope), newObject("apiKey", scope)})
		case "open":
			out.set("security", []any{})
		case "errors":
			for _, status := range from.list(key) {
				if n, ok := status.(uint64); ok {
					errors = append(errors, strconv.FormatUint(n, 10))
				}
			}
		case "answers":
		default:
			out.set(key, from.values[key])
		}
	}
	if from.has("answers") {
		if from.has("body") || from.has("requestBody") {
			errors = append(errors, "408")
		}
		if !open && !from.has("needs") {
			j.complain("%s: it says neither open nor which permission it needs", at)
		}
		if !open {
			errors = append(errors, everywhere()...)
		}
		out.set("responses", j.responses(at, from.object("answers"), errors, open))
	}
	return out
}

// body is a request body of JSON with the examples of its schema.
func (j *joiner) body(at string, from *object) *object {
	name := from.text("schema")
	examples := newObject()
	for i, example := range j.schemas.object(name).list("examples") {
		examples.set("example"+strconv.Itoa(i+1), newObject("value", example))
	}
	if len(examples.names) == 0 {
		j.complain("%s: the body's schema %s has no example", at, name)
	}
	optional, _ := from.values["optional"].(bool)
	return newObject("description", j.schemas.object(name).text("description"), "required", !optional, "content", newObject("application/json",
		newObject("schema", newObject("$ref", "#/components/schemas/"+name), "examples", examples)))
}
