package main

import (
	"slices"
	"strings"
)

// object is a value that is one, else nil.
func object(value any) map[string]any {
	o, _ := value.(map[string]any)
	return o
}

// at is the object of that name, nil if there is none.
func at(o map[string]any, name string) map[string]any { return object(o[name]) }

// simplifyPath writes the shared parameters of a path's operations out, so that they make no types, and leaves out what
// the client does by itself: errors are Problems wherever they come from, headers are options of a call. That an
// operation takes an Idempotency-Key stays.
func simplifyPath(path, shared map[string]any) {
	for name, value := range path {
		if name == "parameters" {
			path[name] = simplifyParameters(value, shared)
			continue
		}
		operation, ok := value.(map[string]any)
		if !ok {
			continue
		}
		if list, ok := operation["parameters"]; ok {
			operation["parameters"] = simplifyParameters(list, shared)
		}
		responses := at(operation, "responses")
		for status, response := range responses {
			if status[0] > '3' {
				delete(responses, status)
				continue
			}
			delete(object(response), "headers")
		}
		simplifySchema(operation)
	}
}

func simplifyParameters(value any, shared map[string]any) []any {
	var kept []any
	list, _ := value.([]any)
	for _, one := range list {
		parameter := object(one)
		if ref, ok := parameter["$ref"].(string); ok {
			parameter = at(shared, ref[strings.LastIndexByte(ref, '/')+1:])
		}
		if parameter["in"] == "header" && parameter["name"] != "Idempotency-Key" {
			continue
		}
		// A filter takes text: its values have names where they are answered, if anywhere.
		delete(at(parameter, "schema"), "enum")
		kept = append(kept, parameter)
	}
	return kept
}

// simplifySchema takes away, here and below, what Go has no types for (a value of one of several types may be any; which
// fields go together, and that a flag is always set, is the server's to check), and says what fields are like.
func simplifySchema(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if types, ok := v["type"].([]any); ok && len(types) > 1 && !nullable(v) {
			delete(v, "type")
		}
		if choices, ok := v["oneOf"].([]any); ok && onlyRequires(choices) {
			delete(v, "oneOf")
		}
		delete(v, "examples")
		simplifyFields(v)
		if _, text := v["const"].(string); !text {
			delete(v, "const")
		}
		for name, inner := range v {
			v[name] = simplifySchema(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = simplifySchema(inner)
		}
	}
	return value
}

// simplifyFields chooses between values and pointers. A pointer is what is always answered and may be null, and what may be
// null instead of left out and means something when it is zero: a number, a flag that may be false, or a time to publish
// at ("" is now).
func simplifyFields(schema map[string]any) {
	required, _ := schema["required"].([]any)
	for name, value := range at(schema, "properties") {
		field := object(value)
		always := slices.Contains(required, any(name))
		if nullable(field) && !isNil(field) && field["const"] == nil && field["not"] == nil &&
			(always || hasType(field, "integer", "number", "boolean") || name == "schedule_at") {
			field["x-go-type-skip-optional-pointer"] = false
		}
		if !always { // an empty list is not none
			field["x-omitempty"], field["x-omitzero"] = false, true
		}
		if field["type"] == nil && field["$ref"] == nil && field["oneOf"] == nil { // any value at all: as it is, null too
			field["x-go-type"] = "json.RawMessage"
		}
		if strings.HasSuffix(name, "ids") {
			field["x-go-name"] = plural(name)
		}
	}
}

// isNil tells a list or a map, which is nil by itself.
func isNil(schema map[string]any) bool {
	return hasType(schema, "array") || hasType(schema, "object") && schema["properties"] == nil
}

func nullable(schema map[string]any) bool {
	choices, _ := schema["oneOf"].([]any)
	for _, choice := range choices {
		if hasType(object(choice), "null") {
			return true
		}
	}
	return hasType(schema, "null")
}

func hasType(schema map[string]any, names ...string) bool {
	types, ok := schema["type"].([]any)
	if !ok {
		types = []any{schema["type"]}
	}
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(types, any(name)) })
}

// plural is content_ids as ContentIDs: the generator knows initialisms in the singular.
func plural(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(strings.TrimSuffix(name, "ids"), "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String() + "IDs"
}

// onlyRequires tells a choice between fields from one between types.
func onlyRequires(choices []any) bool {
	for _, choice := range choices {
		if _, ok := object(choice)["required"]; !ok {
			return false
		}
	}
	return true
}
