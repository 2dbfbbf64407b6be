package attack

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/template"
)

// FuzzContents: whatever a content item is made of, nothing in its HTML is alive.
func FuzzContents(f *testing.F) {
	for _, text := range loadCorpus(f)["script"] {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, body string, markdown bool) {
		item := content.Item{Body: body, Format: content.HTML}
		if markdown {
			item.Format = content.Markdown
		}
		out := content.HTMLOf(item)
		if found := live(strings.ReplaceAll(out, `src="asset:`, `src="cid:`)); len(found) > 0 {
			t.Errorf("%q becomes %q with %v", body, out, found)
		}
	})
}

// FuzzValues: whatever a reader is called, nothing of it is alive where a template writes it: in text, in attributes, as an address.
func FuzzValues(f *testing.F) {
	engine, err := jinja.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	program, err := engine.Parse("values", `<html><body title="{{ v }}"><p title='{{ v }}' lang={{ v }} dir=a{{ v }}>{{ v }} {{ [v] }} {{ {v: v} }} {{ v|upper }} {{ v|truncate(9) }}</p>
		<a href="{{ v }}">{{ v|striptags }}</a><a href='{{ v }}'>x</a><img src="{{ v }}" alt="{{ v|title }}">{% set w = v ~ v %}<a href="{{ w }}">{{ w|replace('a', v) }}</a></body></html>`, template.HTML)
	if err != nil {
		f.Fatal(err)
	}
	for _, kind := range []string{"script", "template", "text"} {
		for _, text := range loadCorpus(f)[kind] {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, v string) {
		out, err := program.Render(map[string]any{"v": v})
		if err != nil {
			return
		}
		if found := live(out); len(found) > 0 {
			t.Errorf("%q becomes %q with %v", v, out, found)
		}
	})
}
