package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestTypes: what a property may be decides what its Go type is.
func TestTypes(t *testing.T) {
	t.Parallel()
	document, err := parse([]byte(`
components:
  schemas:
    Id: {type: string, format: uuid, description: An id.}
    Colour: {type: string, enum: [red, green, null]}
    Inner: {type: object, properties: {b: {type: string}, a: {type: integer, format: int64, maximum: 3}}, required: [a]}
    Outer:
      type: object
      required: [id, whole, list]
      properties:
        whole: {$ref: '#/components/schemas/Inner'}
        id: {$ref: '#/components/schemas/Id', description: Its id.}
        perhaps: {oneOf: [{$ref: '#/components/schemas/Inner'}, {type: 'null'}], description: Null is none.}
        colour: {$ref: '#/components/schemas/Colour'}
        list: {type: [array, 'null'], items: {$ref: '#/components/schemas/Id'}}
        map: {type: object, additionalProperties: {type: number}}
        late: {type: [string, 'null'], format: date-time, pattern: x}
        free: {type: [string, number, 'null']}
        names: {oneOf: [{$ref: '#/components/schemas/Names'}, {type: 'null'}]}
    Names: {type: object, additionalProperties: {type: string}}
    OuterPage: {type: object, description: A page., properties: {items: {type: array}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"components":{"schemas":{
"Colour":{"type":"string","enum":["red","green"]},
"Inner":{"type":"object","required":["b","a"],"properties":{
 "b":{"type":"string","x-order":0,"x-omitzero":true},
 "a":{"type":"integer","format":"int64","x-order":1}}},
"Outer":{"type":"object","required":["whole","id","colour","list","map","free","names"],"properties":{
 "whole":{"$ref":"#/components/schemas/Inner","x-order":0},
 "id":{"type":"string","format":"uuid","description":"Its id.","x-order":1},
 "perhaps":{"$ref":"#/components/schemas/Inner","x-order":2,"x-go-type-skip-optional-pointer":false,"x-omitempty":false,"x-omitzero":true},
 "colour":{"$ref":"#/components/schemas/Colour","x-order":3,"x-omitzero":true},
 "list":{"type":"array","items":{"type":"string","format":"uuid"},"x-order":4},
 "map":{"type":"object","additionalProperties":{"type":"number","format":"double"},"x-order":5,"x-omitzero":true},
 "late":{"type":"string","format":"date-time","x-order":6,"x-go-type-skip-optional-pointer":false,"x-omitempty":false,"x-omitzero":true},
 "free":{"x-order":7,"x-omitzero":true},
 "names":{"type":"object","additionalProperties":{"type":"string"},"x-order":8,"x-omitzero":true}}},
"OuterPage":{"description":"A page.","x-go-type":"Page[Outer]"}}}}`
	types := typesOf(document)
	for _, name := range []string{"openapi", "info", "paths"} {
		types.remove(name)
	}
	got, err := encode(types)
	if err != nil {
		t.Fatal(err)
	}
	var plain bytes.Buffer
	if err := json.Compact(&plain, []byte(want)); err != nil {
		t.Fatal(err)
	}
	if string(got) != plain.String() {
		t.Errorf("got  %s\nwant %s", got, plain.String())
	}
}

// TestTypesAreWritten: where they are asked for, in a folder that need not be there.
func TestTypesAreWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "new", "types.json")
	if err := run(source, folder, path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !json.Valid(text) || !bytes.Contains(text, []byte(`"x-go-type":"Page[Topic]"`)) {
		t.Errorf("%v: %.200s", err, text)
	}
}
