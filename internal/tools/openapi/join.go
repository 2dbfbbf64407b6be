package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// joiner holds what the files share while they are joined.
type joiner struct {
	// parameters, headers, schemas and errors are as in the sources, by name.
	parameters, headers, schemas, errors *object
	// pages are the schemas that lists were asked for.
	pages map[string]bool
	wrong []string
}

// complain notes a mistake in the sources.
func (j *joiner) complain(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
}

// join makes one document. The error names every mistake.
func join(files map[string]*object) (*object, error) {
	document, shared := files["_document"], files["_shared"]
	if document == nil || shared == nil {
		return nil, fmt.Errorf("there is no _document.yaml and _shared.yaml")
	}
	j := &joiner{parameters: newObject(), headers: newObject(), schemas: newObject(), errors: shared.object("errors"), pages: map[string]bool{}}
	names := slices.Sorted(maps.Keys(files))
	byTag := map[string][]*object{}
	for _, name := range names {
		j.gather(name, files[name])
		if tag := files[name].text("tag"); tag != "" {
			byTag[tag] = append(byTag[tag], files[name])
		}
	}
	tags, paths, webhooks := []any{}, newObject(), newObject()
	for _, name := range document.list("tags") {
		tag, _ := name.(string)
		about := ""
		for _, file := range byTag[tag] {
			about += file.text("about")
			j.paths(paths, tag, file.object("paths"))
			j.paths(webhooks, tag, file.object("webhooks"))
		}
		if about == "" {
			j.complain("no file says what the tag %s is about", tag)
		}
		delete(byTag, tag)
		tags = append(tags, newObject("name", tag, "description", strings.TrimSpace(about)))
	}
	for tag := range byTag {
		j.complain("the tag %s is not among those of _document.yaml", tag)
	}
	document.set("tags", tags)
	document.set("paths", paths)
	document.set("webhooks", webhooks)
	document.set("components", j.components(shared))
	if len(j.wrong) > 0 {
		slices.Sort(j.wrong)
		return nil, fmt.Errorf("%s", strings.Join(j.wrong, "\n"))
	}
	return document, nil
}

// gather takes the shared parts out of a file.
func (j *joiner) gather(name string, file *object) {
	for part, into := range map[string]*object{"parameters": j.parameters, "headers": j.headers, "schemas": j.schemas} {
		from := file.object(part)
		for _, key := range from.names {
			if into.has(key) {
				j.complain("%s.yaml: %s %s is there twice", name, part, key)
			}
			into.set(key, from.values[key])
		}
	}
}

func (j *joiner) components(shared *object) *object {
	schemas := newObject()
	for _, name := range slices.Sorted(maps.Keys(j.schemas.values)) {
		schemas.set(name, j.schema(name, j.schemas.values[name]))
		if j.pages[name] {
			schemas.set(name+"Page", page(name, j.example(name)))
		}
	}
	parameters := newObject()
	for _, name := range slices.Sorted(maps.Keys(j.parameters.values)) {
		parameters.set(name, j.parameter(name, j.parameters.object(name)))
	}
	responses := newObject()
	for _, status := range j.errors.names {
		responses.set(errorName(status), j.problem(status))
	}
	headers := newObject()
	for _, name := range slices.Sorted(maps.Keys(j.headers.values)) {
		header := j.headers.object(name)
		header.remove("name")
		header.set("schema", j.schema(name, header.values["schema"]))
		headers.set(name, header)
	}
	return newObject("securitySchemes", shared.object("securitySchemes"), "parameters", parameters, "headers", headers,
		"responses", responses, "schemas", schemas)
}

// page is the schema of a list.
func page(name string, example any) *object {
	return newObject("type", "object", "description", "A page of a list.", "required", []any{"items"}, "properties", newObject(
		"items", newObject("type", "array", "maxItems", 200, "description", "What is on the page.", "items", newObject("$ref", "#/components/schemas/"+name)),
		"next", newObject("type", "string", "description", "The cursor of the next page; not there on the last."),
		"total", newObject("type", "integer", "format", "int64", "minimum", 0, "description", "How many there are in all, of the list's filters; only if it was asked for."),
		"total_is_estimate", newObject("type", "boolean", "description", "Whether the total was reckoned instead of counted; there beside it."),
	), "examples", []any{newObject("items", []any{example})})
}

// example is the first example of a schema.
func (j *joiner) example(name string) any {
	list := j.schemas.object(name).list("examples")
	if len(list) == 0 {
		j.complain("the schema %s has no example", name)
		return nil
	}
	return list[0]
}
