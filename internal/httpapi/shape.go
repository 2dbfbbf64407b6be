package httpapi

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/presswork/presswork/internal/fault"
)

// maxFieldErrors bounds how many problems of one body are answered: a body can have more than fit an answer.
const maxFieldErrors = 100

// checkShape notes every place where tree does not fit T: unknown fields, wrong types, numbers out of
// range, text that its type refuses. Afterwards json.Unmarshal into a T succeeds.
func checkShape[T any](fields *fault.Fields, tree any) {
	checkValue(fields, "", tree, reflect.TypeFor[T]())
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

func checkValue(f *fault.Fields, at string, v any, t reflect.Type) {
	if len(f.List()) >= maxFieldErrors {
		return
	}
	if t.Kind() == reflect.Pointer {
		if v != nil {
			checkValue(f, at, v, t.Elem())
		}
		return
	}
	if reflect.PointerTo(t).Implements(textType) {
		checkText(f, at, v, t)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		checkStruct(f, at, v, t)
	case reflect.Map:
		checkMap(f, at, v, t)
	case reflect.Slice:
		checkSlice(f, at, v, t)
	case reflect.String:
		text, ok := v.(string)
		noteType(f, at, ok, "a string")
		checkNUL(f, at, text)
	case reflect.Bool:
		_, ok := v.(bool)
		noteType(f, at, ok, "true or false")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, ok := v.(json.Number)
		if ok {
			_, err := strconv.ParseInt(n.String(), 10, t.Bits())
			ok = err == nil
		}
		noteType(f, at, ok, "a whole number")
	case reflect.Float32, reflect.Float64:
		n, ok := v.(json.Number)
		noteType(f, at, ok && finite(n, t.Bits()), "a number")
	case reflect.Interface:
		checkAny(f, at, v)
	default:
		panic(fmt.Sprintf("a body cannot have a field of type %v", t))
	}
}

func noteType(f *fault.Fields, at string, ok bool, want string) {
	if !ok {
		f.Add(at, "wrong_type", "must be %s", want)
	}
}

// checkNUL refuses U+0000, which PostgreSQL stores neither in text nor in jsonb.
func checkNUL(f *fault.Fields, at, text string) {
	if strings.ContainsRune(text, 0) {
		f.Add(at, "format", "must not contain the character U+0000")
	}
}

// exact refuses whole numbers beyond ±2⁵³ (RFC 7493, 2.2): as a float64 they become others, silently.
func exact(n json.Number) bool {
	const most = 1 << 53
	if strings.ContainsAny(n.String(), ".eE") {
		return true
	}
	whole, err := strconv.ParseInt(n.String(), 10, 64)
	return err == nil && whole >= -most && whole <= most
}

func finite(n json.Number, bits int) bool {
	x, err := strconv.ParseFloat(n.String(), bits)
	return err == nil && !math.IsInf(x, 0)
}

// checkText tries a type that reads itself from a string: a UID, a time.
func checkText(f *fault.Fields, at string, v any, t reflect.Type) {
	text, ok := v.(string)
	if !ok {
		f.Add(at, "wrong_type", "must be a string")
		return
	}
	into, _ := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	if into.UnmarshalText([]byte(text)) != nil {
		f.Add(at, "format", "is not in the right form")
	}
}

func checkStruct(f *fault.Fields, at string, v any, t reflect.Type) {
	members, ok := v.(object)
	if noteType(f, at, ok, "an object"); !ok {
		return
	}
	known := make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = t.Field(i).Type
	}
	for _, m := range members {
		inner := at + "/" + escapePointer(m.name)
		if field, ok := known[m.name]; ok {
			checkValue(f, inner, m.value, field)
		} else if len(f.List()) < maxFieldErrors {
			f.Add(inner, "unknown_field", "is not known here")
		}
	}
}

func checkMap(f *fault.Fields, at string, v any, t reflect.Type) {
	if v == nil {
		return
	}
	members, ok := v.(object)
	noteType(f, at, ok, "an object")
	for _, m := range members {
		inner := at + "/" + escapePointer(m.name)
		checkNUL(f, inner, m.name)
		checkValue(f, inner, m.value, t.Elem())
	}
}

func checkSlice(f *fault.Fields, at string, v any, t reflect.Type) {
	if v == nil {
		return
	}
	items, ok := v.([]any)
	noteType(f, at, ok, "an array")
	for i, item := range items {
		checkValue(f, fmt.Sprintf("%s/%d", at, i), item, t.Elem())
	}
}

// checkAny lets every JSON value through that can be stored and read again.
func checkAny(f *fault.Fields, at string, v any) {
	switch v := v.(type) {
	case string:
		checkNUL(f, at, v)
	case json.Number:
		noteType(f, at, finite(v, 64) && exact(v), "a number that JSON keeps exactly: write larger ones as strings")
	case object:
		checkMap(f, at, v, reflect.TypeFor[map[string]any]())
	case []any:
		checkSlice(f, at, v, reflect.TypeFor[[]any]())
	}
}

// escapePointer writes a name as a reference token of RFC 6901, shortened if it is long.
func escapePointer(name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	return fault.Token(name)
}
