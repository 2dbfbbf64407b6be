package main

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// responses are an operation's answers and errors, by their status.
func (j *joiner) responses(at string, answers *object, errors []string, open bool) *object {
	out := newObject()
	for _, status := range answers.names {
		out.set(status, j.answer(at+" "+status, answers.object(status), open))
	}
	slices.Sort(errors)
	for _, status := range errors {
		if answers.has(status) {
			continue // it has one of its own
		}
		if !j.errors.has(status) {
			j.complain("%s: there is no error %s", at, status)
		}
		out.set(status, newObject("$ref", "#/components/responses/"+errorName(status)))
	}
	return out
}

func (j *joiner) answer(at string, from *object, open bool) *object {
	headers := j.headerList(at, from.list("headers"), !open)
	out := newObject("description", from.text("text"), "headers", headers)
	if content := j.content(at, from); len(content.names) > 0 {
		out.set("content", content)
	}
	return out
}

// headerList are the named headers and those of every answer.
func (j *joiner) headerList(at string, named []any, limited bool) *object {
	headers := newObject()
	list := append([]any{"X-Correlation-ID"}, named...)
	if limited {
		list = append(list, "RateLimit-Policy", "RateLimit")
	}
	for _, one := range list {
		name, _ := one.(string)
		header := name
		if own := j.headers.object(name).text("name"); own != "" {
			header = own
		}
		if !j.headers.has(name) {
			j.complain("%s: there is no header %s", at, name)
		}
		headers.set(header, newObject("$ref", "#/components/headers/"+name))
	}
	return headers
}

func (j *joiner) content(at string, from *object) *object {
	content := newObject()
	if name := from.text("page"); name != "" {
		j.pages[name] = true
		content.set("application/json", newObject("schema", newObject("$ref", "#/components/schemas/"+name+"Page"),
			"example", newObject("items", []any{j.example(name)})))
	}
	if name := from.text("schema"); name != "" {
		content.set("application/json", j.media(at, newObject("schema", newObject("$ref", name))))
	}
	for _, media := range from.object("content").names {
		content.set(media, j.media(at, from.object("content").object(media)))
	}
	return content
}

// media is a media type with the example of its schema, unless it has one.
func (j *joiner) media(at string, from *object) *object {
	schema := from.object("schema")
	out := newObject("schema", j.schema(at, schema))
	if example, given := from.values["example"]; given {
		out.set("example", example)
	} else if name := schema.text("$ref"); name != "" {
		out.set("example", j.example(name))
	}
	return out
}

// errorName is what a shared error is called: NotFound.
func errorName(status string) string {
	n, _ := strconv.Atoi(status)
	return strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(n))
}

// problem is the shared response for an error status, with an example of each of its problems.
func (j *joiner) problem(status string) *object {
	from := j.errors.object(status)
	n, err := strconv.Atoi(status)
	if err != nil {
		j.complain("%s is not a status", status)
	}
	sample, there := j.example("Problem").(*object)
	if !there {
		sample = newObject()
	}
	examples := newObject()
	problems := from.object("problems")
	for _, code := range problems.names {
		value := newObject("type", "/problems/"+code, "title", http.StatusText(n), "status", n)
		if detail := problems.text(code); detail != "" {
			value.set("detail", detail)
		}
		value.set("instance", sample.text("instance"))
		value.set("correlation_id", sample.text("correlation_id"))
		if fields := from.list("fields"); fields != nil {
			value.set("errors", fields)
		}
		examples.set(code, newObject("value", value))
	}
	return newObject("description", from.text("text"), "headers", j.headerList(status, from.list("headers"), true),
		"content", newObject("application/problem+json", newObject("schema", newObject("$ref", "#/components/schemas/Problem"), "examples", examples)))
}
