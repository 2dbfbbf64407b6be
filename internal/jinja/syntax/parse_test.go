package syntax

import (
	"errors"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/template"
)

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"", "plain", "{{ a }}", "{{ a.b['c'].0[1:2] }}", "{{ a|default('x')|upper }}", "{{ -a ** 2 + b // 3 }}",
		"{{ 'x' if a is defined and b is not none else c }}", "{{ a not in [1, 2.5, (3,), ()] }}",
		"{{ {'a': {'b': 1}} }}", "{%- if a -%}x{%- elif b -%}y{%+ else +%}z{% endif %}",
		"{% for a, (b, c) in d.items() if a recursive %}{{ loop.index }}{% break %}{% else %}e{% endfor %}",
		"{% set a, b = c %}{% set ns.x = 1 %}{% set t | upper | trim %}x{% endset %}",
		"{% with a = 1, b = 2 %}{{ a }}{% endwith %}", "{% macro f(a, b='x') %}{{ caller() }}{% endmacro %}",
		"{% call(u) f(1, b=2) %}{{ u }}{% endcall %}", "{% filter upper %}x{% endfilter %}", "{% do f(1) %}",
		"{% extends 'a' %}{% block b scoped %}{{ super() }}{% endblock b %}",
		"{% include 'a' ignore missing with context %}{% import 'a' as b %}{% from 'a' import b as c, d with context %}",
		"{% raw %}{{ not read }}{% endraw %}{# {{ neither }} #}", "{{ a is divisibleby 3 and b is eq(4) }}", "{{ '}}' }}",
	} {
		if _, err := Parse(source); err != nil {
			t.Errorf("Parse(%q): %v", source, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"a\n  {{ b":                            "2:3: this tag is never closed",
		"{# x":                                 "1:1: this comment is never closed",
		"{% raw %}x":                           "1:1: this raw block is never closed",
		"{% if a %}x":                          "1:1: this block is never closed: endif",
		"{% endif %}":                          "endif without its beginning",
		"{% for x in y %}{% endif %}":          "endif without its beginning",
		"{{ a b }}":                            "1:6: unexpected b",
		"{{ }}":                                "expected an expression",
		"{{ a | }}":                            "expected a filter's name",
		"ä{{ a..b }}":                          "1:7: expected an attribute's name",
		"{{ 'a }}":                             "never closed",
		"{{ f(*a) }}":                          "cannot be unpacked",
		"{% include a %}":                      "literal string",
		"{% autoescape false %}":               "autoescape cannot be changed",
		"{% break %}":                          "outside of a loop",
		"{% nonsense %}":                       "unknown tag nonsense",
		"{% set loop = 1 %}":                   "cannot be assigned",
		"{{ " + strings.Repeat("1", 40) + "}}": "too long",
		"{{ " + strings.Repeat("(", 500) + "a" + strings.Repeat(")", 500) + "}}": "nested too deeply",
		"{{ a" + strings.Repeat("+a", 500) + "}}":                                "too long",
		strings.Repeat("{% if a %}", 500):                                        "nested too deeply",
		"{{ a" + strings.Repeat(".a", 500) + "}}":                                "too long",
		"{{ " + strings.Repeat("not ", 500) + "a }}":                             "nested too deeply",
	} {
		_, err := Parse(source)
		var syntax *template.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.60q) = %v, want %q", source, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{% for a in b if c %}{{ a|d('x') }}{% endfor %}")
	f.Add("{{ a[1:2] ~ {'x': [1]} }}{% set a %}{% endset %}")
	f.Fuzz(func(t *testing.T, source string) {
		body, err := Parse(source)
		var syntax *template.SyntaxError
		if err != nil && !errors.As(err, &syntax) {
			t.Fatalf("error of another kind: %v", err)
		}
		if err != nil && body != nil {
			t.Fatal("a body beside an error")
		}
	})
}
