package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// number keeps the fields of schemas in the order in which the description has them, which says more than the alphabet.
func number(description []byte, schemas map[string]any) error {
	var ordered struct {
		Components struct {
			Schemas map[string]struct {
				Properties json.RawMessage `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(description, &ordered); err != nil {
		return fmt.Errorf("read the schemas: %w", err)
	}
	for name, schema := range ordered.Components.Schemas {
		fields := at(at(schemas, name), "properties")
		if len(fields) == 0 {
			continue
		}
		names, err := keys(schema.Properties)
		if err != nil {
			return fmt.Errorf("read the properties of %s: %w", name, err)
		}
		for i, field := range names {
			at(fields, field)["x-order"] = i + 1
		}
	}
	return nil
}

// keys are those of an object, in its order.
func keys(text json.RawMessage) ([]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil { // the brace
		return nil, err
	}
	var names []string
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		names = append(names, fmt.Sprint(name))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
	}
	return names, nil
}
