package publication

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/presswork/presswork/internal/fault"
)

// Difference is one place at which two JSON values differ.
type Difference struct {
	// Path is an RFC 6901 pointer into both, "" for the whole.
	Path string `json:"path"`
	// From and To are what stands there; nil where nothing does. null is a value like any other.
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`
}

// Diff is every difference between two decoded JSON values, the deepest there are: members of objects by their names in
// order, elements of arrays by their places. It is empty, never nil, if there is none.
func Diff(from, to any) []Difference {
	list := []Difference{}
	compare("", from, to, func(d Difference) { list = append(list, d) })
	return list
}

func compare(at string, from, to any, note func(Difference)) {
	switch a := from.(type) {
	case map[string]any:
		if b, ok := to.(map[string]any); ok {
			compareObjects(at, a, b, note)
			return
		}
	case []any:
		if b, ok := to.([]any); ok {
			compareArrays(at, a, b, note)
			return
		}
	}
	if !reflect.DeepEqual(from, to) {
		note(Difference{Path: at, From: raw(from), To: raw(to)})
	}
}

func compareObjects(at string, a, b map[string]any, note func(Difference)) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		path := at + "/" + fault.Token(name)
		from, before := a[name]
		to, after := b[name]
		switch {
		case !before:
			note(Difference{Path: path, To: raw(to)})
		case !after:
			note(Difference{Path: path, From: raw(from)})
		default:
			compare(path, from, to, note)
		}
	}
}

func compareArrays(at string, a, b []any, note func(Difference)) {
	for i := range max(len(a), len(b)) {
		path := at + "/" + strconv.Itoa(i)
		switch {
		case i >= len(a):
			note(Difference{Path: path, To: raw(b[i])})
		case i >= len(b):
			note(Difference{Path: path, From: raw(a[i])})
		default:
			compare(path, a[i], b[i], note)
		}
	}
}

// raw is a decoded value as JSON; it was JSON, so it always encodes.
func raw(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}
