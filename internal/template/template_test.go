package template_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/template"
)

func engine(t *testing.T) *jinja.Engine {
	t.Helper()
	e, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNewCollectsEveryError(t *testing.T) {
	t.Parallel()
	_, err := template.New(engine(t), template.Template{
		Name: strings.Repeat("x", 201), Channel: "email", Language: "not a language",
		Subject: strings.Repeat("y", 999), HTML: "{% if %}", Text: "{{ subscriber.fist_name }}\n{{ nope }}",
	})
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		t.Fatalf("got %v", err)
	}
	want := []fault.Field{
		{Pointer: "/name", Code: "length"}, {Pointer: "/language", Code: "language"}, {Pointer: "/subject", Code: "length"},
		{Pointer: "/html", Code: "syntax", Detail: "line 1, column 7: expected an expression, found the end of the tag"},
		{Pointer: "/text", Code: "unknown_variable", Detail: "line 1, column 4: there is no variable subscriber.fist_name, did you mean subscriber.first_name?"},
		{Pointer: "/text", Code: "unknown_variable", Detail: "line 2, column 4: there is no variable nope"},
	}
	for i, field := range e.Fields {
		if i >= len(want) || field.Pointer != want[i].Pointer || field.Code != want[i].Code ||
			want[i].Detail != "" && field.Detail != want[i].Detail {
			t.Errorf("field %d is %+v", i, field)
		}
	}
	if len(e.Fields) != len(want) {
		t.Errorf("%d fields", len(e.Fields))
	}
}

func TestPartsOfChannels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input template.Template
		want  []string
	}{
		"mail":                {template.Template{Channel: "email", Subject: "s", HTML: "<p>"}, nil},
		"mail without parts":  {template.Template{Channel: "newsletter"}, []string{"/subject", "/html"}},
		"slack":               {template.Template{Channel: "slack", Text: "{{ publication.title }}"}, nil},
		"slack with HTML":     {template.Template{Channel: "slack", HTML: "<p>"}, []string{"/html", "/text"}},
		"slack has no reader": {template.Template{Channel: "slack", Text: "{{ subscriber.name }}"}, []string{"/text"}},
		"unknown channel":     {template.Template{Channel: "fax", Text: "x"}, []string{"/channel"}},
	} {
		c.input.Name, c.input.Language = "n", "en"
		_, err := template.New(engine(t), c.input)
		var got []string
		var e *fault.Error
		if errors.As(err, &e) {
			for _, f := range e.Fields {
				got = append(got, f.Pointer)
			}
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	first, err := template.New(engine(t), template.Template{Name: " n ", Channel: "slack", Language: "PT-br", Text: "a"})
	if err != nil || first.Version != 1 || first.Name != "n" || first.Language != "pt-BR" {
		t.Fatalf("got %+v, %v", first, err)
	}
	first.ID = 7
	second, err := first.Change(engine(t), template.Template{Name: "m", Channel: "email", Text: "b"})
	if err != nil || second.Version != 2 || second.ID != 7 || second.Channel != "slack" || second.Text != "b" {
		t.Errorf("got %+v, %v", second, err)
	}
	if err := second.Check(engine(t)); err != nil {
		t.Error(err)
	}
}

// TestDigestTemplateIsSound: it parses, reads known data only, and speaks five languages, each its own way.
func TestDigestTemplateIsSound(t *testing.T) {
	t.Parallel()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{"en": "Unsubscribe", "de": "Abmelden", "fr": "Se désabonner", "es": "Darse de baja", "ar": "إلغاء الاشتراك"}
	list := library.Digest("email")
	if len(list) != len(words) {
		t.Errorf("%d languages", len(list))
	}
	for _, d := range list {
		if err := d.Check(engine(t)); err != nil {
			t.Errorf("%s: %v", d.Language, err)
		}
		whole := d.Subject + d.HTML + d.Text
		rtl := d.Language == "ar"
		if strings.Count(whole, words[d.Language]) != 2 || strings.Contains(whole, "[[") || strings.Contains(d.HTML, `dir="rtl"`) != rtl ||
			strings.Contains(d.HTML, "text-align: right") != rtl || strings.Contains(d.Text, "first_name }}،") != rtl || !strings.Contains(d.HTML, `lang="`+d.Language+`"`) {
			t.Errorf("%s does not speak its language", d.Language)
		}
	}
}

// TestBuiltinTemplatesAreSound: each parses, reads known data only, and speaks its language.
func TestBuiltinTemplatesAreSound(t *testing.T) {
	t.Parallel()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{"en": "Unsubscribe", "de": "Abmelden", "fr": "Se désabonner", "es": "Darse de baja", "ar": "إلغاء الاشتراك"}
	if got := library.Languages(); len(got) != len(words) || got[0] != "en" {
		t.Errorf("languages %v", got)
	}
	for _, channel := range []string{"email", "newsletter", "slack", "discord"} {
		for language, word := range words {
			builtin, ok := library.Find(channel, language)
			if !ok || builtin.Language != language || builtin.Channel != channel {
				t.Fatalf("%s %s: got %v %v", channel, language, builtin.Language, ok)
			}
			if err := builtin.Check(engine(t)); err != nil {
				t.Errorf("%s %s: %v", channel, language, err)
			}
			whole := builtin.Subject + builtin.HTML + builtin.Text
			if template.Personal(channel) && (strings.Count(whole, word) < 2 || !strings.Contains(builtin.HTML, `lang="`+language+`"`)) {
				t.Errorf("%s %s does not speak its language", channel, language)
			}
			if rtl := language == "ar"; template.Personal(channel) && (strings.Count(builtin.HTML, `dir="rtl"`) != map[bool]int{true: 4}[rtl] ||
				strings.Contains(builtin.Text, "first_name }}،") != rtl) {
				t.Errorf("%s %s goes the wrong way", channel, language)
			}
			if strings.Contains(whole, "[[") {
				t.Errorf("%s %s has a word that is not filled in", channel, language)
			}
		}
	}
	if _, ok := library.Find("webhook", "en"); ok {
		t.Error("webhook needs no template")
	}
	for wanted, got := range map[string]string{"de-AT": "de", "pt": "en", "": "en", "nonsense!": "en", "fr-CA": "fr", "ar-EG": "ar"} {
		if builtin, _ := library.Find("email", wanted); builtin.Language != got {
			t.Errorf("%q got %s", wanted, builtin.Language)
		}
	}
}

func TestScanCoversTheSource(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "a", "a{{ b }}c{% d %}{# e #}{% raw %}{{ x }}{% endraw %}z", "{ {", "{", "a{{ '}}' }}{{ {'a': {}} }}", "{{- a -}}"} {
		segments, err := template.Scan(source)
		if err != nil {
			t.Errorf("%q: %v", source, err)
		}
		pos := 0
		for _, s := range segments {
			if s.Start != pos || s.End <= s.Start {
				t.Errorf("%q: %+v", source, segments)
			}
			pos = s.End
		}
		if pos != len(source) {
			t.Errorf("%q: %+v", source, segments)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add("a{{ b }}{% raw %}{% endraw %}{# c #}")
	f.Fuzz(func(t *testing.T, source string) {
		segments, err := template.Scan(source)
		var syntax *template.SyntaxError
		if err != nil && !errors.As(err, &syntax) {
			t.Fatal(err)
		}
		pos := 0
		for _, s := range segments {
			if s.Start != pos || s.InnerStart > s.InnerEnd || s.InnerEnd > s.End {
				t.Fatalf("%+v", segments)
			}
			pos = s.End
		}
		if err == nil && pos != len(source) {
			t.Fatalf("%d of %d bytes", pos, len(source))
		}
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"first_name", "name", "email", "language"}
	for wrong, want := range map[string]string{
		"fist_name": "first_name", "namee": "name", "mail": "email", "emial": "email", "lang": "language", "xyz": "",
		"first": "first_name", "": "", strings.Repeat("x", 100): "",
	} {
		if got := template.Nearest(wrong, names); got != want {
			t.Errorf("%q: got %q", wrong, got)
		}
	}
}
