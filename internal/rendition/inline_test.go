package rendition_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
)

func TestInlineCSS(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"<style>p { color: red }</style><p>a</p>":                                                                                 `<p style="color:red">a</p>`,
		"<style>.a p { margin: 0 } p { color: red }</style><div class=a><p>x</p></div>":                                           `<div class=a><p style="color:red;margin:0">x</p></div>`,
		"<style>p { color: red }</style><p style='margin: 0'>a</p>":                                                               `<p style="color:red;margin:0">a</p>`,
		"<style>p { color: {{ c }} }</style><p>{{ a < b }}</p>":                                                                   `<p style="color:{{ c }}">{{ a < b }}</p>`,
		"<style>td { color: red }</style><table>{% for x in y %}<tr><td>{{ x }}</td></tr>{% else %}<tr></tr>{% endfor %}</table>": `<table>{% for x in y %}<tr><td style="color:red">{{ x }}</td></tr>{% else %}<tr></tr>{% endfor %}</table>`,
		`<style>td { color: red }</style><table><tr{% if a %} class="b"{% endif %}><td{{ x }}>y</td></tr></table>`:                `<table><tr{% if a %} class="b"{% endif %}><td style="color:red"{{ x }}>y</td></tr></table>`,
		`<style>p { color: red }</style><p {% if a > b %}class="c"{% endif %}>x</p>`:                                              `<p style="color:red" {% if a > b %}class="c"{% endif %}>x</p>`,
		`<style>p { color: red }</style><p style="margin:0{% if a %};padding:0{% endif %}">x</p>`:                                 `<p style="color:red;margin:0{% if a %};padding:0{% endif %}">x</p>`,
		`<style>p { color: red }</style><p style='{{ a["b"] }}'>x</p>`:                                                            `<p style="color:red;{{ a["b"] }}">x</p>`,
		"<style>{% if a %}p { color: red }{% endif %}</style><p>x</p>":                                                            "<style>{% if a %}p { color: red }{% endif %}</style><p>x</p>",
		`<style data-premailer="ignore">p { color: red }</style><p>x</p>`:                                                         `<style data-premailer="ignore">p { color: red }</style><p>x</p>`,
		`<style media="print">p { color: red }</style><p>x</p>`:                                                                   `<style media="print">p { color: red }</style><p>x</p>`,
		`<style>p { font-family: "A B", serif }</style><p>x</p>`:                                                                  `<p style="font-family:'A B', serif">x</p>`,
		"<p>no style {{ x }}</p>": "<p>no style {{ x }}</p>",
		"<style>p{color:red}</style><!--[if mso]><p><![endif]--><P >x<br/></p>": `<!--[if mso]><p><![endif]--><P style="color:red" >x<br/></p>`,
	} {
		got, err := rendition.InlineCSS(source, "")
		if err != nil || got != want {
			t.Errorf("%s\n got %s, %v\nwant %s", source, got, err, want)
		}
	}
}

func TestInlineCSSKeepsMediaQueries(t *testing.T) {
	t.Parallel()
	got, err := rendition.InlineCSS("<head><style>p { color: red } @media (max-width: 480px) { p { color: blue } } a:hover { color: green }</style></head><p>x</p>", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<p style="color:red">x</p>`, "@media (max-width: 480px)", "blue !important", "a:hover", "<head><style>", "</style></head>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
}

func TestInlineCSSOfLayouts(t *testing.T) {
	t.Parallel()
	css := rendition.Styles("<style>p { color: red }</style>x<style>{% if a %}b{% endif %}</style>")
	got, err := rendition.InlineCSS("{% extends 'base' %}{% block body %}<p>x</p>{% endblock %}", css)
	if want := `{% extends 'base' %}{% block body %}<p style="color:red">x</p>{% endblock %}`; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestInlineFragment(t *testing.T) {
	t.Parallel()
	got, err := rendition.InlineFragment(`<p>a {{ b }}</p><ul><li>c</li></ul>`, ".item p { margin: 0 } li { color: red }", "<table><tr><td class=item>")
	if want := `<p style="margin:0">a {{ b }}</p><ul><li style="color:red">c</li></ul>`; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

var (
	styleAttr    = regexp.MustCompile(`\s+style="[^"]*"`)
	styleElement = regexp.MustCompile(`(?s)<style[^>]*>.*?</style>`)
	jinjaTag     = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}`)
)

// unstyled is a source without its styles.
func unstyled(source string) string {
	return styleAttr.ReplaceAllString(styleElement.ReplaceAllString(source, ""), "")
}

func TestInlineCSSChangesStylesOnly(t *testing.T) {
	t.Parallel()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"email", "newsletter"} {
		builtin, _ := library.Find(channel, "en")
		got, err := rendition.InlineCSS(builtin.HTML, "")
		if err != nil {
			t.Fatal(err)
		}
		if unstyled(got) != unstyled(builtin.HTML) {
			t.Errorf("%s changed in more than its styles", channel)
		}
		if strings.Count(got, ` style="`) < 10 || !strings.Contains(got, "prefers-color-scheme: dark") {
			t.Errorf("%s is not inlined", channel)
		}
	}
}

// TestInlineCSSProperty puts random pieces together: whatever comes, all but styles stays, and every
// tag survives in its order.
func TestInlineCSSProperty(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{
		"<p>", "</p>", "<table>", "<tr>", "<td class=\"a\">", "</td>", "</tr>", "</table>", "{% for x in y %}", "{% endfor %}",
		"{{ a > b }}", "text & more", "<a href=\"{{ u }}\">", "</a>", "<br>", "<img src=x>", "{# c #}", "<b {{ x }}>", "<i{% if a %} class=a{% endif %}>",
		"<!-- {{ c }} -->", "<script>if (a < b) { x }</script>", "<", ">", "\"", "{% raw %}{{ r }}{% endraw %}", "ÄÖ\u0130",
	})
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(pieces, 0, 30).Draw(t, "pieces"), "")
		got, err := rendition.InlineCSS("<style>p, td, b { color: {{ c }} } .a { margin: 0 }</style>"+body, "")
		if err != nil {
			t.Fatal(err)
		}
		if unstyled(got) != unstyled(body) {
			t.Fatalf("%s\nbecame\n%s", body, got)
		}
		if want, have := jinjaTag.FindAllString(body, -1), jinjaTag.FindAllString(styleAttr.ReplaceAllString(got, ""), -1); !slices.Equal(want, have) {
			t.Fatalf("%v became %v", want, have)
		}
	})
}

func FuzzInlineCSS(f *testing.F) {
	f.Add("<style>p{color:red}</style><p {{ a }}>{% if b %}", "x{y:z}")
	f.Add("<table><tr{% if a %}><td style='{{ b }}'>", "td{color:{{")
	f.Fuzz(func(t *testing.T, source, css string) {
		out, err := rendition.InlineCSS(source, css)
		if err != nil {
			return
		}
		if _, err := template.Scan(out); err != nil {
			t.Fatalf("%q became unreadable: %q", source, out)
		}
	})
}
