package letter

import (
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/template"
)

// TestTexts: every kind has a text in every language, with nothing left to be filled in, that is a template as operators
// write them.
func TestTexts(t *testing.T) {
	t.Parallel()
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Kinds() {
		texts, err := Texts(k)
		if err != nil {
			t.Fatal(err)
		}
		languages := map[string]template.Source{}
		subjects := map[string]bool{}
		for _, text := range texts {
			languages[text.Language] = template.Source{Subject: text.Subject, HTML: text.HTML, Text: text.Body}
			subjects[text.Subject] = true
			if all := text.Subject + text.HTML + text.Body; strings.Contains(all, "[[") || strings.Contains(all, "&amp;lt;") {
				t.Errorf("%s in %s is not filled in:\n%s", k, text.Language, all)
			}
			rtl := text.Language == "ar"
			if comma := map[bool]string{true: "،", false: ","}[rtl]; !strings.Contains(text.Body, "first_name }}"+comma) || !strings.Contains(text.HTML, "</bdi>"+comma) {
				t.Errorf("%s in %s greets without its comma: %s", k, text.Language, text.Body)
			}
			if strings.Contains(text.HTML, `dir="rtl"`) != rtl || strings.Contains(text.HTML, `align="right"`) != rtl ||
				!strings.Contains(text.HTML, `lang="`+text.Language+`"`) {
				t.Errorf("%s in %s goes the wrong way", k, text.Language)
			}
		}
		if len(subjects) != len(Languages()) {
			t.Errorf("%s says the same in several languages: %v", k, subjects)
		}
		if _, err := template.NewSet(engine, k.TemplateName(), "email", languages); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
}

// TestWords: no language has a word more or less than another.
func TestWords(t *testing.T) {
	t.Parallel()
	names := func(language string, k Kind) []string {
		words, err := wordsOf(language, k)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for name, word := range words {
			if strings.TrimSpace(word) == "" {
				t.Errorf("%s of %s in %s is empty", name, k, language)
			}
			list = append(list, name)
		}
		slices.Sort(list)
		return list
	}
	for _, k := range Kinds() {
		for _, language := range Languages() {
			if got, want := names(language, k), names("en", k); !slices.Equal(got, want) {
				t.Errorf("%s in %s has %v, and %v in English", k, language, got, want)
			}
		}
	}
}

func TestUnknownTexts(t *testing.T) {
	t.Parallel()
	if _, err := Texts("invoice"); err == nil {
		t.Error("a kind that nobody wrote has a text")
	}
	if _, err := wordsOf("tlh", PreferenceLink); err == nil {
		t.Error("there are words in Klingon")
	}
}

func TestKindOfTemplate(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"system/resubscribe": true, "system/invoice": false, "resubscribe": false, "system/": false} {
		if k, ok := KindOfTemplate(name); ok != want || ok && k.TemplateName() != name {
			t.Errorf("%s: %q, %v", name, k, ok)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	link := map[string]any{Link: "https://house.example/p/c/1"}
	for name, c := range map[string]struct {
		letter Letter
		good   bool
	}{
		"to a subscriber": {Letter{Kind: Resubscribe, Subscriber: 1, Data: link}, true},
		"to an address":   {Letter{Kind: PreferenceLink, Email: "a@reader.example", Data: link}, true},
		"to both":         {Letter{Kind: PreferenceLink, Subscriber: 1, Email: "a@reader.example", Data: link}, false},
		"to nobody":       {Letter{Kind: PreferenceLink, Data: link}, false},
		"without a link":  {Letter{Kind: PreferenceLink, Subscriber: 1}, false},
		"with a number":   {Letter{Kind: PreferenceLink, Subscriber: 1, Data: map[string]any{Link: 1}}, false},
		"of no kind":      {Letter{Kind: "invoice", Subscriber: 1, Data: link}, false},
	} {
		if err := c.letter.Check(); (err == nil) != c.good || err != nil && fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
