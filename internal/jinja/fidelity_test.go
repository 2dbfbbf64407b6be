package jinja

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/presswork/presswork/internal/template"
)

// fidelityData is the data that testdata/jinja2.json was made with.
func fidelityData() map[string]any {
	item := func(title string, n int, kind string) map[string]any {
		return map[string]any{"title": title, "n": n, "kind": kind}
	}
	return map[string]any{
		"name": "Anna", "a": 3, "b": 2, "n": 5, "html": `<i>"x" & 'y'</i>`, "markup": template.SafeHTML("<b>x</b>"),
		"d": map[string]any{"k": "v", "z": 1}, "url": "https://example.org/?a=1&b=2",
		"items": []any{item("One", 1, "b"), item("Two", 2, "a"), item("Drei", 3, "b")},
		"tree": []any{
			map[string]any{"t": "1", "c": []any{map[string]any{"t": "2", "c": []any{}}}},
			map[string]any{"t": "3", "c": []any{}},
		},
	}
}

// TestRendersAsJinja2 compares with what Jinja2 3.1.6 made of the same templates and data.
func TestRendersAsJinja2(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/jinja2.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Kind, Template, Want string }
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	engine := newEngine(t, nil)
	for _, c := range cases {
		kind := template.Text
		if c.Kind == "html" {
			kind = template.HTML
		}
		program, err := engine.Parse("t", c.Template, kind)
		if err != nil {
			t.Errorf("%s: %v", c.Template, err)
			continue
		}
		got, err := program.Render(fidelityData())
		if err != nil || got != c.Want {
			t.Errorf("%s %s\n got %q, %v\nwant %q", c.Kind, c.Template, got, err, c.Want)
		}
	}
}

func newEngine(t testing.TB, partials map[string]string) *Engine {
	t.Helper()
	engine, err := New(partials)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}
