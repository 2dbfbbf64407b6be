package jinja

import (
	"fmt"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/template"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, map[string]string{
		"base": "{% set brand = 'x' %}{% macro m() %}{% endmacro %}{% block body %}{% endblock %}",
	})
	for source, want := range map[string]string{
		"{{ a }}\n {{ b.c['d'].e }}":                                                        "a 1:4, b.c.d.e 2:5",
		"{% for i in items %}{{ i.title }}{% endfor %}{{ i }}":                              "items 1:13, items.[].title 1:24, i 1:49",
		"{% for i in items|sort(attribute='x') %}{{ i.a }}{% endfor %}":                     "items 1:13, items.[].a 1:44",
		"{{ items[0].title }}{{ (items|first).x }}":                                         "items.[].title 1:4, items 1:25",
		"{% for k, v in m.items() %}{{ k }}{{ v.x }}{% endfor %}":                           "m 1:16",
		"{% set x = a.b %}{{ x.c }}":                                                        "a.b 1:12, a.b.c 1:21",
		"{{ a|default('x') }}{{ b|d(c) }}":                                                  "c 1:28",
		"{{ a.b is defined }}{{ a is not defined }}":                                        "",
		"{% if a is defined %}{{ a }}{{ a.b }}{% else %}{{ a }}{% endif %}":                 "a 1:51",
		"{% if a is not defined %}{{ a }}{% else %}{{ a }}{% endif %}":                      "a 1:29",
		"{% if a is defined and a.b and c %}{{ a }}{% endif %}":                             "c 1:32",
		"{% if a is undefined or a.b %}{{ a }}{% endif %}":                                  "a 1:34",
		"{{ a if a is defined else b }}":                                                    "b 1:27",
		"{% macro f(x, y=z) %}{{ x }}{{ caller() }}{{ g }}{% endmacro %}{{ f(1) }}":         "z 1:17, g 1:46",
		"{% with a = b %}{{ a.c }}{% endwith %}":                                            "b 1:13, b.c 1:20",
		"{% set ns = namespace(a=b) %}{% set ns.c = d %}{{ ns.c }}":                         "b 1:25, d 1:44",
		"{% extends 'base' %}{% block body %}{{ brand }}{{ m() }}{{ other }}{% endblock %}": "other 1:60",
		"{% import 'base' as x %}{{ x.m() }}{{ loop }}":                                     "loop 1:39",
		"{% for a in b if a.c %}{% else %}{{ a }}{% endfor %}":                              "b 1:13, b.[].c 1:18, a 1:37",
		"{{ x[y] }}{{ x[y].z }}":                                                            "x 1:4, y 1:6, x 1:14, y 1:16",
		"{{ range(n)|map('string')|join(sep) }}":                                            "n 1:10, sep 1:32",
		"{% call(u) m2(a) %}{{ u }}{% endcall %}":                                           "error",
		"ü {{ ä }}": "error",
	} {
		program, err := engine.Parse("t", source, template.HTML)
		if err != nil {
			if want != "error" {
				t.Errorf("%s: %v", source, err)
			}
			continue
		}
		var got []string
		for _, v := range program.Variables() {
			got = append(got, fmt.Sprintf("%s %d:%d", strings.Join(v.Path, "."), v.Line, v.Column))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s\n got %s\nwant %s", source, strings.Join(got, ", "), want)
		}
	}
}

func TestCheckWithSuggestions(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, nil)
	for source, want := range map[string]string{
		"{{ subscriber.fist_name }}":                            "line 1, column 4: there is no variable subscriber.fist_name, did you mean subscriber.first_name?",
		"{{ subcriber.name }}":                                  "line 1, column 4: there is no variable subcriber.name, did you mean subscriber.name?",
		"{{ first_name }}":                                      "line 1, column 4: there is no variable first_name, did you mean subscriber.first_name?",
		"\n{% for item in items %}{{ item.titel }}{% endfor %}": "line 2, column 27: there is no variable item.titel, did you mean item.title?",
		"{% for x in items %}{% for t in x.topic %}{{ t }}{% endfor %}{% endfor %}": "line 1, column 33: there is no variable x.topic, did you mean x.topics?",
		"{{ links.unsubscribe_url }}": "line 1, column 4: there is no variable links.unsubscribe_url, did you mean links.unsubscribe?",
		"{{ sender.adress }}":         "line 1, column 4: there is no variable sender.adress",
		"{{ zzz }}":                   "line 1, column 4: there is no variable zzz",
		"{{ publication.title.x }}":   "line 1, column 4: there is no variable publication.title.x",
		"{{ subscriber.attributes.city.zip }}{{ data.any.thing }}":                   "",
		"{{ nickname|default('you') }}{% if nick is defined %}{{ nick }}{% endif %}": "",
		"{{ items[0].title }}{{ item.html }}{{ sender.postal_address }}":             "",
	} {
		program, err := engine.Parse("t", source, template.HTML)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range template.Check(program, template.Known("email")) {
			got = append(got, p.String())
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s\n got %s\nwant %s", source, strings.Join(got, "; "), want)
		}
	}
}

func TestKnownOfBroadcastChannels(t *testing.T) {
	t.Parallel()
	engine := newEngine(t, nil)
	program, err := engine.Parse("t", "{{ subscriber.name }}{{ links.archive }}{{ publication.title }}", template.Text)
	if err != nil {
		t.Fatal(err)
	}
	if got := template.Check(program, template.Known("slack")); len(got) != 1 || got[0].Variable != "subscriber.name" {
		t.Errorf("got %v", got)
	}
}
