package jinja

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/template"
)

// hostile are templates by an author who wants to take the process down. Each must end in an error,
// or in output, within the bounds.
var hostile = map[string]string{
	"repeat a text":           "{{ 'x' * 100000000 }}",
	"repeat from the left":    "{{ 100000000 * 'x' }}",
	"repeat a list":           "{{ [0] * 1000000000 }}",
	"range without end":       "{% for i in range(1000000000) %}x{% endfor %}",
	"range that overflows":    "{{ range(0, 9223372036854775807, 2)|length }}",
	"nested loops":            "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}",
	"silent nested loops":     "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
	"doubling by ~":           "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
	"doubling by +":           "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
	"doubling lists":          "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x|length }}",
	"sharing lists":           "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
	"comparing shared lists":  "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x }}",
	"sharing maps":            "{% set ns = namespace(x={}) %}{% for i in range(60) %}{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}{{ ns.x|tojson }}",
	"deep lists":              "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
	"a namespace in itself":   "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}{{ ns.x }}",
	"a namespace in its list": "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x }}",
	"a namespace in its map":  "{% set ns = namespace() %}{% set ns.x = dict(a=ns) %}{{ ns.x }}",
	"captured text":           "{% set x %}{% for i in range(9999) %}" + strings.Repeat("x", 10000) + "{% endfor %}{% endset %}",
	"captured values":         "{% set x %}{% for i in range(9999) %}{{ big }}{% endfor %}{% endset %}",
	"captured by macro":       "{% macro m() %}" + strings.Repeat("y", 10000) + "{% endmacro %}{% set x %}{% for i in range(9999) %}{{ m() }}{% endfor %}{% endset %}",
	"macro without end":       "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
	"macro tree":              "{% macro m(n) %}{{ m(n+1) }}{{ m(n+1) }}{% endmacro %}{{ m(0) }}",
	"caller without end":      "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}",
	"recursive loop":          "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
	"replace":                 "{{ ('a' * 5000)|replace('a', 'a' * 5000) }}",
	"replace nothing":         "{{ ('a' * 5000)|replace('', 'a' * 5000) }}",
	"join":                    "{{ range(9999)|join('x' * 5000) }}",
	"indent":                  "{{ ('a\n' * 100)|indent(100000000) }}",
	"center":                  "{{ 'a'|center(1000000000) }}",
	"format width":            "{{ '%1000000000d'|format(1) }}",
	"format precision":        "{{ '%.1000000000f'|format(1) }}",
	"format many":             "{{ ('%s' * 3000)|format(big, big) }}",
	"batch fill":              "{{ [1]|batch(1000000000, 'x')|list }}",
	"slice fill":              "{{ [1]|slice(1000000000)|list }}",
	"json indent":             "{{ [1]|tojson(indent=1000000000) }}",
	"negative json indent":    "{{ [1]|tojson(indent=-1) }}",
	"letters":                 "{% for c in big %}{% for d in big %}{% endfor %}{% endfor %}",
	"letters as list":         "{{ big|list|length }}",
	"unpack letters":          "{% set a, b = big %}",
	"divide by nothing":       "{{ 1 // 0 }}",
	"modulo nothing":          "{{ 1 % 0 }}",
	"divisible by nothing":    "{{ 1 is divisibleby(0) }}",
	"huge power":              "{{ 10 ** 10 ** 10 }}",
	"slice step":              "{{ 'abc'[1::9223372036854775807] }}",
	"split":                   "{{ (big ~ big)|split('')|length }}",
	"sum of texts":            "{{ [big, big]|sum }}",
	"cycler in itself":        "{% set c = cycler(1) %}{% set d = cycler(c) %}{{ d.next() }}",
	"output":                  "{% for i in range(9999) %}" + strings.Repeat("z", 500) + "{% endfor %}",
	"comparing long texts":    "{% for i in range(9999) %}{% if big == big2 %}{% endif %}{% endfor %}",
	"map over filters":        "{{ range(9999)|map('string')|map('center', 1000)|join }}",
	"super without end":       "{% block a %}{{ super() }}{% endblock %}",
}

func TestHostileTemplatesEnd(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, nil)
	for name, source := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []template.Kind{template.HTML, template.Text} {
				program, err := engine.Parse("hostile", source, kind)
				if err != nil {
					assertOurs(t, err)
					continue
				}
				out, err := program.Render(map[string]any{
					"big": strings.Repeat("b", 200_000), "big2": strings.Repeat("b", 200_000),
				})
				if len(out) > template.MaxOutput {
					t.Errorf("%d bytes of output", len(out))
				}
				assertOurs(t, err)
			}
		})
	}
}

func assertOurs(t *testing.T, err error) {
	t.Helper()
	var syntax *template.SyntaxError
	var render *template.RenderError
	var limit *template.LimitError
	if err != nil && !errors.As(err, &syntax) && !errors.As(err, &render) && !errors.As(err, &limit) {
		t.Errorf("an error of another kind: %T %v", err, err)
	}
}

// TestHostileTemplatesAreCheap looks at what each hostile template really takes. It runs alone, since
// it counts the process's allocations.
func TestHostileTemplatesAreCheap(t *testing.T) {
	engine := newEngine(t, nil)
	data := map[string]any{"big": strings.Repeat("b", 200_000), "big2": strings.Repeat("b", 200_000)}
	for name, source := range hostile {
		program, err := engine.Parse("hostile", source, template.HTML)
		if err != nil {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err = program.Render(data)
		runtime.ReadMemStats(&after)
		t.Logf("%-26s %8d KB allocated in all, %v, %v", name, (after.TotalAlloc-before.TotalAlloc)>>10, time.Since(start).Round(time.Millisecond), err)
		if after.TotalAlloc-before.TotalAlloc > 256<<20 {
			t.Errorf("%s allocated %d MB", name, (after.TotalAlloc-before.TotalAlloc)>>20)
		}
	}
}

func TestRefusedConstructs(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, map[string]string{"part": "x"})
	for source, want := range map[string]string{
		"{{ a|safe }}": "safe is not available",
		"{% autoescape false %}{{ a }}{% endautoescape %}": "autoescape cannot be changed",
		"{{ debug() }}":                           "there is no function debug",
		"{{ lipsum() }}":                          "there is no function lipsum",
		"{{ a|__add(b) }}":                        "there is no filter __add",
		"{{ __tick(1) }}":                         "there is no function __tick",
		"{% include '/etc/passwd' %}":             "there is no template /etc/passwd",
		"{% include '../part' %}":                 "there is no template ../part",
		"{% include a %}":                         "literal string",
		"{% extends ['part'] %}":                  "literal string",
		"{{ self.a() }}":                          "self is not available",
		"{{ ''.__class__.__mro__ ~ a.b() }}":      "there is no method b",
		"{{ a|uper }}":                            "there is no filter uper, did you mean upper?",
		"{{ a is defind }}":                       "there is no test defind, did you mean defined?",
		"{{ rang(3) }}":                           "there is no function rang, did you mean range?",
		strings.Repeat("x", template.MaxSource+1): "too large",
	} {
		_, err := engine.Parse("refused", source, template.HTML)
		var syntax *template.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), want) || syntax.Name != "refused" {
			t.Errorf("%.60s: %v, want %q", source, err, want)
		}
	}
}

func TestEscaping(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, map[string]string{"part": "{{ evil }}", "macros": "{% macro m(x) %}{{ x }}{% endmacro %}"})
	const evil = `<script>alert("1")</script>'`
	for _, source := range []string{
		"{{ evil }}", "{{ evil ~ safe }}", "{{ safe ~ evil }}", "{{ safe + evil }}", "{{ evil + safe }}",
		"{{ [safe, evil]|join }}", "{{ [evil]|join(safe) }}", "{{ [evil] }}", "{{ {'a': evil} }}", "{{ {evil: 1} }}",
		"{{ safe|replace('b', evil) }}", "{{ evil|upper|lower }}", "{{ evil|truncate(200) }}", "{{ evil|string }}",
		"{{ evil|default('x') }}", "{{ none|default(evil, true) }}", "{{ evil|trim }}", "{{ evil|striptags ~ evil }}",
		"{% set x %}{{ evil }}{% endset %}{{ x }}", "{% set x = evil %}{{ x }}", "{% filter trim %}{{ evil }}{% endfilter %}",
		"{% macro f(x) %}{{ x }}{% endmacro %}{{ f(evil) }}", "{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}{{ evil }}{% endcall %}",
		"{% include 'part' %}", "{% from 'macros' import m %}{{ m(evil) }}", "{% import 'macros' as x %}{{ x.m(evil) }}",
		"{{ evil.upper().lower() }}", "{{ ''.join([evil]) }}", "{{ evil.split(' ')[0] }}", "{{ evil[0:] }}", "{{ '%s'|format(evil) }}",
		"{{ safe|replace('<b>x</b>', '')|replace('', evil) }}", "{{ '<b>%s</b>'|format(evil) }}", "{{ [evil]|tojson }}",
		"{% for c in evil %}{{ c }}{% endfor %}", "{{ evil|map('upper')|join|lower }}", "{{ '&lt;script&gt;'|striptags }}",
		"{{ (evil|e)|striptags }}", "{{ evil * 1 }}", "{{ dict(a=evil).a }}", "{{ evil if true }}", "{{ missing or evil }}",
	} {
		program, err := engine.Parse("t", source, template.HTML)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		out, err := program.Render(map[string]any{"evil": evil, "safe": template.SafeHTML("<b>x</b>")})
		if err != nil {
			t.Errorf("%s: %v", source, err)
		}
		if strings.Contains(strings.ToLower(out), "<script") {
			t.Errorf("%s lets the tag through: %s", source, out)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, nil)
	for _, source := range []string{
		`<a href="{{ u }}">`, `<a HREF = '{{ u }}'>`, `<a href={{ u }}>`, `<img src=" {{ u }}">`,
		`<a href="{% if true %}{{ u }}{% else %}{{ u }}{% endif %}">`, `<a href="{{ '' }}{{ u }}">`,
		`{% set x = u %}<a href="{{ x }}">`, `<a href="{% if false %}x{% else %}{{ u }}{% endif %}">`,
		`<form action="{{ u }}">`, `{% for x in [u] %}<a href="{{ x }}">{% endfor %}`,
	} {
		for _, bad := range []string{"javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "java\tscript:x"} {
			if out := mustRender(t, engine, source, map[string]any{"u": bad}); !strings.Contains(out, "#") || strings.Contains(out, "script:") {
				t.Errorf("%s with %q: %s", source, bad, out)
			}
		}
		for _, good := range []string{"https://example.org/a:b", "/path?x=a:b", "#top", "mailto:a@example.org", "HTTP://example.org"} {
			if out := mustRender(t, engine, source, map[string]any{"u": good}); !strings.Contains(out, good) {
				t.Errorf("%s loses %q: %s", source, good, out)
			}
		}
	}
	if out := mustRender(t, engine, `<p>{{ u }}</p>`, map[string]any{"u": "note: x"}); out != "<p>note: x</p>" {
		t.Errorf("text is not an address: %s", out)
	}
}

// TestBareAttributes: what is written into an attribute's value without quotation marks ends neither it nor its element.
func TestBareAttributes(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, nil)
	const evil = "x onload=y\tz\nw\f>`"
	for source, want := range map[string]string{
		`<p lang={{ v }}>`:                               `<p lang=x&#32;onload=y&#9;z&#10;w&#12;&gt;&#96;>`,
		`<p title='{{ n }}' lang = {{ v }}>`:             `<p title='1' lang = x&#32;onload=y&#9;z&#10;w&#12;&gt;&#96;>`,
		`<p lang={{ n }}-{{ v }}>`:                       `<p lang=1-x&#32;onload=y&#9;z&#10;w&#12;&gt;&#96;>`,
		`<p lang={% if n %}{{ v }}{% endif %}>`:          `<p lang=x&#32;onload=y&#9;z&#10;w&#12;&gt;&#96;>`,
		`<a href={{ v }}>`:                               `<a href=x&#32;onload=y&#9;z&#10;w&#12;&gt;&#96;>`,
		`<p lang={{ n }} title="{{ v }}">{{ v }}`:        "<p lang=1 title=\"x onload=y\tz\nw\f&gt;`\">x onload=y\tz\nw\f&gt;`",
		`<p lang={{ n }}>{{ v }}</p>`:                    "<p lang=1>x onload=y\tz\nw\f&gt;`</p>",
		`<p lang={{ [v] }}>`:                             "", // whatever it is: no space in it
		`{% for c in [v] %}<p lang={{ c }}{% endfor %}>`: `<p lang=x&#32;onload=y&#9;z&#10;w&#12;&gt;&#96;>`,
	} {
		out := mustRender(t, engine, source, map[string]any{"v": evil, "n": 1})
		if want != "" && out != want || want == "" && strings.Count(out, " ") != 1 {
			t.Errorf("%s: %s", source, out)
		}
	}
}

func mustRender(t *testing.T, engine *Engine, source string, data map[string]any) string {
	t.Helper()
	program, err := engine.Parse("t", source, template.HTML)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	out, err := program.Render(data)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return out
}

func FuzzRender(f *testing.F) {
	for _, source := range hostile {
		f.Add(source)
	}
	f.Add("{% for item in items %}<a href=\"{{ item.url }}\">{{ item.title|upper ~ 'x' }}</a>{% endfor %}")
	engine, err := New(map[string]string{"part": "{{ a }}"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, kind := range []template.Kind{template.HTML, template.Text} {
			program, err := engine.Parse("fuzz", source, kind)
			if err != nil {
				assertOurs(t, err)
				continue
			}
			out, err := program.Render(fidelityData())
			assertOurs(t, err)
			if len(out) > template.MaxOutput {
				t.Fatalf("%d bytes of output", len(out))
			}
		}
	})
}

// TestLargeSources: sources at the bounds that a careless parser would take minutes for.
func TestLargeSources(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, map[string]string{"p": "x"})
	for name, unit := range map[string]string{
		"variables": "{{a}}", "unclosed raw": "{% raw %}{%", "comments": "{##}", "braces": "{", "conditions": "{%if a==b%}{%endif%}",
		"includes": "{% include 'p' %}", "sets": "{%set a=a~a%}", "blocks": "{%for a in b%}{%endfor%}", "quotes": "{{'", "open": "{%if a%}",
	} {
		_, err := engine.Parse("long", strings.Repeat(unit, template.MaxSource/len(unit)), template.HTML)
		assertOurs(t, err)
		source := strings.Repeat(unit, 900)
		source += strings.Repeat("x", template.MaxSource-len(source))
		program, err := engine.Parse("long", source, template.HTML)
		assertOurs(t, err)
		if err != nil {
			continue
		}
		_, err = program.Render(map[string]any{"a": strings.Repeat("x", 100), "b": []any{1}})
		assertOurs(t, err)
		t.Log(name, err)
	}
}
