package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// schema is the one schema of a description, simplified.
func schema(t *testing.T, text string) map[string]any {
	t.Helper()
	simple, err := simplify([]byte(`{"openapi":"3.1.0","paths":{},"components":{"schemas":{"Thing":` + text + `}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(simple, &document); err != nil {
		t.Fatal(err)
	}
	return at(at(at(document, "components"), "schemas"), "Thing")
}

// TestFields: which are pointers, which are any, and what they are called.
func TestFields(t *testing.T) {
	t.Parallel()
	const pointer, list = "x-go-type-skip-optional-pointer", "x-go-type"
	thing := schema(t, `{"type":"object","required":["always","list","map","struct","text"],"properties":{
		"always":{"type":["string","null"]},"list":{"type":["array","null"]},"map":{"type":["object","null"],"additionalProperties":{"type":"string"}},
		"struct":{"type":["object","null"],"properties":{}},"choice":{"oneOf":[{"$ref":"#/x"},{"type":"null"}]},"text":{"type":"string"},
		"number":{"type":["integer","null"]},"flag":{"type":["boolean","null"]},"only_true":{"type":["boolean","null"],"const":true},
		"never_false":{"type":["boolean","null"],"not":{"const":false}},"schedule_at":{"type":["string","null"]},"name":{"type":["string","null"]},
		"content_ids":{"type":"array"},"ids":{"type":"array"},"value":{"description":"Anything."},"either":{"type":["string","number"]},
		"kind":{"type":"string","const":"a"}}}`)
	fields := at(thing, "properties")
	for name, want := range map[string]map[string]any{
		"always": {pointer: false}, "list": {}, "map": {}, "struct": {pointer: false}, "text": {}, "choice": {},
		"number": {pointer: false}, "flag": {pointer: false}, "only_true": {}, "never_false": {}, "schedule_at": {pointer: false}, "name": {},
		"content_ids": {"x-go-name": "ContentIDs"}, "ids": {"x-go-name": "IDs"}, "value": {list: "json.RawMessage"}, "either": {},
		"kind": {},
	} {
		got := map[string]any{}
		for _, key := range []string{pointer, "x-go-name", list} {
			if value, ok := at(fields, name)[key]; ok {
				got[key] = value
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]float64{"always": 1, "choice": 5, "kind": 17} {
		if got := at(fields, name)["x-order"]; got != want {
			t.Errorf("%s is number %v, want %v", name, got, want)
		}
	}
	if at(fields, "either")["type"] != nil || at(fields, "only_true")["const"] != nil || at(fields, "kind")["const"] != "a" {
		t.Errorf("%v", fields)
	}
	if at(fields, "always")["x-omitzero"] != nil || at(fields, "name")["x-omitzero"] != true || at(fields, "name")["x-omitempty"] != false {
		t.Errorf("%v", fields)
	}
}

// TestChoices between fields go, those between types stay.
func TestChoices(t *testing.T) {
	t.Parallel()
	if got := schema(t, `{"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}]}`); got["oneOf"] != nil {
		t.Errorf("%v", got)
	}
	if got := schema(t, `{"oneOf":[{"type":"string"},{"type":"integer"}]}`); got["oneOf"] == nil {
		t.Errorf("%v", got)
	}
}

// TestOperations have their parameters written out, and none of what the client does by itself.
func TestOperations(t *testing.T) {
	t.Parallel()
	simple, err := simplify([]byte(`{"openapi":"3.1.0","webhooks":{"x":{}},"components":{"schemas":{},"parameters":{
			"limit":{"name":"limit","in":"query","schema":{"type":"integer"}},"match":{"name":"If-Match","in":"header"},
			"key":{"name":"Idempotency-Key","in":"header"},"state":{"name":"state","in":"query","schema":{"type":"string","enum":["a"]}}}},
		"paths":{"/x":{"parameters":[{"$ref":"#/components/parameters/limit"}],"post":{
			"parameters":[{"$ref":"#/components/parameters/match"},{"$ref":"#/components/parameters/key"},{"$ref":"#/components/parameters/state"}],
			"responses":{"200":{"headers":{"ETag":{}},"description":"It."},"404":{"$ref":"#/components/responses/NotFound"},"default":{}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	text := string(simple)
	for _, gone := range []string{"$ref", "webhooks", "If-Match", "enum", "404", "default", "ETag", `"parameters":{`} {
		if strings.Contains(text, gone) {
			t.Errorf("%s is in %s", gone, text)
		}
	}
	for _, kept := range []string{`"name":"limit"`, "Idempotency-Key", `"name":"state"`, `"200":{"description":"It."}`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s is not in %s", kept, text)
		}
	}
}

func TestSimplifyRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", `{"components":{"schemas":7}}`} {
		if _, err := simplify([]byte(text)); err == nil {
			t.Errorf("%q is a description", text)
		}
	}
	if err := run(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "read the description") {
		t.Errorf("%v", err)
	}
}
