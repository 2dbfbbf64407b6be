package jinja

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/template"
)

func TestInheritanceAndPartials(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, map[string]string{
		"base":   "<h>{% block head %}base {{ a }}{% endblock %}</h>{% block body %}{% endblock %}",
		"middle": "{% extends 'base' %}{% block head %}middle {{ super() }}{% endblock %}",
		"row":    "<li>{{ x }}{{ a }}</li>",
		"forms":  "{% set brand = 'B' %}{% macro field(n, v='-') %}<i>{{ n }}={{ v }}</i>{% endmacro %}",
	})
	for source, want := range map[string]string{
		"{% extends 'middle' %}{% block head %}child {{ super() }}{% endblock %}":                               "<h>child middle base &lt;</h>",
		"{% extends 'base' %}{% block body %}{% for x in [1,2] %}{% include 'row' %}{% endfor %}{% endblock %}": "<h>base &lt;</h><li>1&lt;</li><li>2&lt;</li>",
		"{% import 'forms' as f %}{{ f.field('a', a) }}{{ f.brand }}":                                           "<i>a=&lt;</i>B",
		"{% from 'forms' import field as g %}{{ g('a') }}":                                                      "<i>a=-</i>",
		"{% include 'nope' ignore missing %}":                                                                   "error",
	} {
		program, err := engine.Parse("t", source, template.HTML)
		if err != nil {
			if want != "error" {
				t.Errorf("%s: %v", source, err)
			}
			continue
		}
		if got, err := program.Render(map[string]any{"a": "<"}); got != want || err != nil {
			t.Errorf("%s\n got %s, %v\nwant %s", source, got, err, want)
		}
	}
	text, err := engine.Parse("t", "{% include 'row' %}", template.Text)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := text.Render(map[string]any{"a": "<", "x": 1}); got != "<li>1<</li>" {
		t.Errorf("a partial in a text escapes: %s", got)
	}
}

func TestPartialsMayNotLeadToThemselves(t *testing.T) {
	t.Parallel()
	for name, partials := range map[string]map[string]string{
		"include": {"a": "{% include 'a' %}"},
		"import":  {"a": "{% import 'b' as b %}", "b": "{% import 'a' as a %}"},
		"extends": {"a": "{% extends 'b' %}", "b": "x{% if y %}{% include 'a' %}{% endif %}"},
		"unknown": {"a": "{% include 'c' %}"},
		"broken":  {"a": "{{"},
	} {
		_, err := New(partials)
		var syntax *template.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	program, err := newEngine(t, nil).Parse("mail", "a\n\n{{ 1 // n }}", template.HTML)
	if err != nil {
		t.Fatal(err)
	}
	_, err = program.Render(map[string]any{"n": 0})
	var render *template.RenderError
	if !errors.As(err, &render) || render.Line != 3 || render.Name != "mail" {
		t.Errorf("got %v", err)
	}
}

func TestData(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, nil)
	source := "{{ a.s }}|{{ a.n }}|{{ a.f }}|{{ a.b }}|{{ a.nil }}|{{ a.t }}|{{ a.l|join }}|{{ a.m.k }}|{{ a.html }}|{{ a.i64 }}|{{ a.u }}"
	data := map[string]any{
		"s": "x<", "n": 1, "f": 1.5, "b": true, "nil": nil, "t": time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC),
		"l": []string{"a", "b"}, "m": map[string]string{"k": "v"}, "html": template.SafeHTML("<b>"), "i64": int64(7), "u": uint8(9),
	}
	want := "x&lt;|1|1.5|True||2026-05-06T07:08:09Z|ab|v|<b>|7|9"
	if got := mustRender(t, engine, source, map[string]any{"a": data}); got != want {
		t.Errorf("got %s", got)
	}
	if got := mustRender(t, engine, source, map[string]any{"a": engine.Freeze(data)}); got != want {
		t.Errorf("frozen: got %s", got)
	}
}

// TestEmptyLists iterates over lists that have nothing in them, however they came to be.
func TestEmptyLists(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, nil)
	data := map[string]any{"one": []any{map[string]any{"n": 1}}, "empty": []any{}, "nil": []string(nil), "s": "", "m": map[string]any{}}
	for _, list := range []string{
		"[]", "empty", "nil", "s", "m", "missing", "one[1:]", "one[:0]", "empty[1:]", "nil[:2]", "one[1:][1:]", "empty|list", "s|list", "m|list",
		"one|select('undefined')", "one|reject('defined')|list", "one|selectattr('n', 'gt', 1)", "one|rejectattr('n')|list",
		"empty|map(attribute='n')", "empty|sort", "empty|unique", "empty|reverse", "one[1:]|reverse", "empty|batch(2)", "m|items", "m.keys()",
		"range(0)", "one[1:] + empty",
	} {
		got := mustRender(t, engine, "{% for x in "+list+" %}{{ x }}{% else %}nothing{% endfor %}", data)
		if got != "nothing" {
			t.Errorf("%s: %s", list, got)
		}
	}
}

// TestAfterASlice indexes and calls what was sliced or made on the spot.
func TestAfterASlice(t *testing.T) {
	t.Parallel()
	source := "{{ l[1:][0] }}|{{ l[:2][1:]|length }}|{{ [l[0], 5][1] }}|{{ 'abc'[1:].upper() }}|{{ {'k': l[2]}.k }}|{{ l[1:]|first }}"
	if got := mustRender(t, newEngine(t, nil), source, map[string]any{"l": []any{1, 2, 3}}); got != "2|1|5|BC|3|2" {
		t.Errorf("got %s", got)
	}
}

// TestWholeNumbers has numbers as JSON gives them.
func TestWholeNumbers(t *testing.T) {
	t.Parallel()
	var data map[string]any
	if err := json.Unmarshal([]byte(`{"i": 7, "f": 7.5, "neg": -0, "most": 9007199254740992, "huge": 1e300, "l": [1, 2.5]}`), &data); err != nil {
		t.Fatal(err)
	}
	got := mustRender(t, newEngine(t, nil), "{{ i }}|{{ f }}|{{ neg }}|{{ most }}|{{ huge > most }}|{{ l|join(' ') }}|{{ i / 2 }}|{{ i + f }}", data)
	if want := "7|7.5|0|9007199254740992|True|1 2.5|3.5|14.5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestOneProgramManyRenders is for the race detector.
func TestOneProgramManyRenders(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, map[string]string{"p": "{{ n }}"})
	program, err := engine.Parse("t", "{% set x = n ~ '' %}{% for i in items %}{{ i.title }}{% include 'p' %}{% endfor %}{{ x|upper }}", template.HTML)
	if err != nil {
		t.Fatal(err)
	}
	shared := engine.Freeze([]any{map[string]any{"title": "a"}, map[string]any{"title": "b"}})
	var group sync.WaitGroup
	for n := range 100 {
		group.Go(func() {
			for range 20 {
				got, err := program.Render(map[string]any{"items": shared, "n": fmt.Sprint("n", n)})
				want := fmt.Sprintf("an%[1]dbn%[1]dN%[1]d", n)
				if err != nil || got != want {
					t.Errorf("got %s, %v, want %s", got, err, want)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkRender(b *testing.B) {
	engine := newEngine(b, nil)
	source := "{% for item in items %}<h2>{{ item.title }}</h2>{{ item.html }}{% if item.url %}<a href=\"{{ item.url }}\">{{ item.title ~ '!' }}</a>{% endif %}{% endfor %}"
	program, err := engine.Parse("t", source, template.HTML)
	if err != nil {
		b.Fatal(err)
	}
	item := map[string]any{"title": "A & B", "html": template.SafeHTML(strings.Repeat("<p>text</p>", 100)), "url": "https://example.org/"}
	items := engine.Freeze([]any{item, item, item})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := program.Render(map[string]any{"items": items}); err != nil {
			b.Fatal(err)
		}
	}
}
