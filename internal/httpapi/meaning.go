package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
)

// meaning says what is wrong with a T apart from its shape: an Invalid error, or nil. It changes nothing. Nil is one that finds
// nothing.
type meaning[T any] func(T) error

// parsing is the meaning of what parse takes.
func parsing[T, D any](parse func(T) (D, error)) meaning[T] {
	return func(v T) error {
		_, err := parse(v)
		return err
	}
}

// parsed is decode of a body of which parse makes all that is wanted.
func parsed[T, D any](c *gin.Context, limit int64, parse func(T) (D, error)) (D, error) {
	in, err := decode[T](c, limit, parsing(parse))
	if err != nil {
		var none D
		return none, err
	}
	return parse(in)
}

// add notes what is wrong with the part of tree that does fit a T, so that a caller learns of everything at once. What is said
// of a place that did not fit, of a part of it, or of what it is a part of, is left out: it was not read, or not all of it.
func (m meaning[T]) add(fields *fault.Fields, tree any) {
	if m == nil || len(fields.List()) >= maxFieldErrors {
		return
	}
	bad, around := map[string]bool{}, map[string]bool{}
	for _, f := range fields.List() {
		bad[f.Pointer] = true
		for at := parent(f.Pointer); at != ""; at = parent(at) {
			around[at] = true
		}
	}
	if bad[""] {
		return
	}
	var v T
	if !readFitting(tree, bad, &v) {
		return
	}
	var said fault.Fields
	said.Join(m(v))
	for _, f := range said.List() {
		if len(fields.List()) < maxFieldErrors && !around[f.Pointer] && !covered(bad, f.Pointer) {
			fields.Add(f.Pointer, f.Code, "%s", f.Detail)
		}
	}
}

// readFitting reads what is not bad of a tree into v.
func readFitting(tree any, bad map[string]bool, v any) bool {
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(fitting(tree, "", bad)); err != nil {
		return false
	}
	err := json.Unmarshal(text.Bytes(), v)
	var left *json.UnmarshalTypeError // an item of a list that is null, where all the rest was read
	return err == nil || errors.As(err, &left)
}

// fitting is a tree without the members of objects that are bad, and with null for items of lists, which keep their places.
func fitting(tree any, at string, bad map[string]bool) any {
	switch v := tree.(type) {
	case object:
		out := make(map[string]any, len(v))
		for _, m := range v {
			if inner := at + "/" + escapePointer(m.name); !bad[inner] {
				out[m.name] = fitting(m.value, inner, bad)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			if inner := at + "/" + strconv.Itoa(i); !bad[inner] {
				out[i] = fitting(item, inner, bad)
			}
		}
		return out
	default:
		return v
	}
}

// covered reports whether a pointer is a bad one or beneath one.
func covered(bad map[string]bool, pointer string) bool {
	for at := pointer; at != ""; at = parent(at) {
		if bad[at] {
			return true
		}
	}
	return false
}

// parent is the place that a place is a part of, "" for the whole.
func parent(pointer string) string { return pointer[:max(0, strings.LastIndexByte(pointer, '/'))] }
