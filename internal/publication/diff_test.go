package publication

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/ident"
)

// anyJSON is a decoded JSON value of some depth, with names that a pointer has to escape.
func anyJSON(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.IntRange(-2, 2), func(n int) any { return json.Number(strconv.Itoa(n)) }),
		rapid.Map(rapid.SampledFrom([]string{"", "a", "b"}), func(s string) any { return s }),
	)
	if depth == 0 {
		return leaf
	}
	inner := rapid.Deferred(func() *rapid.Generator[any] { return anyJSON(depth - 1) })
	names := rapid.SampledFrom([]string{"", "a", "b", "a/b", "~", "~1", "0"})
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(inner, 0, 4), func(l []any) any { return append([]any{}, l...) }),
		rapid.Map(rapid.MapOfN(names, inner, 0, 4), func(m map[string]any) any { return m }))
}

// TestDiffLeadsFromOneToTheOther: who applies the differences to the one has the other, and there are none without need.
func TestDiffLeadsFromOneToTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := anyJSON(3).Draw(t, "from"), anyJSON(3).Draw(t, "to")
		list := Diff(from, to)
		if (len(list) == 0) != reflect.DeepEqual(from, to) {
			t.Fatalf("%d differences", len(list))
		}
		got := from
		var gone []Difference
		for _, d := range list {
			if d.From == nil && d.To == nil || string(d.From) == string(d.To) {
				t.Fatalf("nothing differs at %q: %s, %s", d.Path, d.From, d.To)
			}
			if d.To == nil {
				gone = append(gone, d)
				continue
			}
			got = apply(t, got, strings.Split(d.Path, "/")[1:], d)
		}
		for _, d := range slices.Backward(gone) { // from the end, so that elements keep their places
			got = apply(t, got, strings.Split(d.Path, "/")[1:], d)
		}
		if a, b := string(raw(got)), string(raw(to)); a != b {
			t.Fatalf("from %s came %s, want %s", raw(from), a, b)
		}
	})
}

// apply makes one change to v.
func apply(t *rapid.T, v any, path []string, d Difference) any {
	if len(path) == 0 {
		return decoded(t, d.To)
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch v := v.(type) {
	case map[string]any:
		copied := map[string]any{}
		for k, e := range v {
			copied[k] = e
		}
		switch {
		case len(path) > 1 || d.From != nil && d.To != nil:
			copied[name] = apply(t, v[name], path[1:], d)
		case d.To == nil:
			delete(copied, name)
		default:
			copied[name] = decoded(t, d.To)
		}
		return copied
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil {
			t.Fatal(err)
		}
		copied := slices.Clone(v)
		switch {
		case len(path) > 1 || d.From != nil && d.To != nil:
			copied[i] = apply(t, v[i], path[1:], d)
		case d.To == nil:
			copied = slices.Delete(copied, i, i+1)
		default:
			copied = slices.Insert(copied, i, decoded(t, d.To))
		}
		return copied
	default:
		t.Fatalf("%q is not in %v", path, v)
		return nil
	}
}

func decoded(t *rapid.T, text json.RawMessage) any {
	var v any
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDocument has contents and templates by id and version, and numbers as they were written.
func TestDocument(t *testing.T) {
	t.Parallel()
	one, other := ident.New(), ident.New()
	rate := 5
	v := Version{
		Request:   Request{Title: "A", Contents: []string{one.String()}, Templates: map[string]string{"email": other.String()}, Data: map[string]any{"n": json.Number("1.50")}},
		Contents:  []Ref{{UID: one, Version: 1}},
		Templates: map[string]Ref{"email": {UID: other, Version: 2}},
	}
	w := v
	w.Request.RatePerMinute, w.Contents = &rate, []Ref{{UID: one, Version: 4}}
	from, err := v.Document()
	if err != nil {
		t.Fatal(err)
	}
	to, err := w.Document()
	if err != nil {
		t.Fatal(err)
	}
	text := raw(Diff(from, to))
	if string(text) != `[{"path":"/contents/0/version","from":1,"to":4},{"path":"/rate_per_minute","to":5}]` {
		t.Errorf("%s", text)
	}
	if document := string(raw(from)); strings.Contains(document, "content_ids") || !strings.Contains(document, `"n":1.50`) || !strings.Contains(document, `"email":{"id":"`+other.String()+`","version":2}`) {
		t.Error(document)
	}
}
