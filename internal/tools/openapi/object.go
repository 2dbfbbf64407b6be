package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"
)

// object is a mapping that keeps the order of its source. Values are object, []any, and what JSON has besides.
type object struct {
	names  []string
	values map[string]any
}

func newObject(pairs ...any) *object {
	o := &object{values: map[string]any{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		o.set(name, pairs[i+1])
	}
	return o
}

func (o *object) set(name string, value any) {
	if _, known := o.values[name]; !known {
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

func (o *object) has(name string) bool {
	_, there := o.values[name]
	return there
}

// remove takes a member away, if it is there.
func (o *object) remove(name string) {
	delete(o.values, name)
	for i, n := range o.names {
		if n == name {
			o.names = append(o.names[:i:i], o.names[i+1:]...)
			break
		}
	}
}

// object is a member that is an object; an empty one if it is not there.
func (o *object) object(name string) *object {
	if inner, ok := o.values[name].(*object); ok {
		return inner
	}
	return newObject()
}

func (o *object) text(name string) string {
	text, _ := o.values[name].(string)
	return text
}

func (o *object) list(name string) []any {
	list, _ := o.values[name].([]any)
	return list
}

// MarshalJSON keeps the order.
func (o *object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := encode(name)
		if err != nil {
			return nil, err
		}
		value, err := encode(o.values[name])
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is JSON without escapes for HTML.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// parse reads YAML whose mappings have text as their keys.
func parse(text []byte) (*object, error) {
	var tree yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(text, &tree, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	root, _ := ordered(tree).(*object)
	return root, nil
}

// ordered makes objects of the parser's mappings; a merge (<<) comes as the members that it stands for.
func ordered(value any) any {
	switch v := value.(type) {
	case yaml.MapSlice:
		o := newObject()
		for _, pair := range v {
			o.set(fmt.Sprint(pair.Key), ordered(pair.Value))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = ordered(element)
		}
		return list
	default:
		return v
	}
}
