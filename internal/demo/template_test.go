package demo

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
)

func items(t *testing.T) []content.Item {
	t.Helper()
	all, err := articles()
	if err != nil {
		t.Fatal(err)
	}
	list := make([]content.Item, 0, len(all))
	for _, a := range all {
		item, err := content.New(content.Item{
			Title: a.Title, Summary: a.Summary, Format: content.Format(a.Format), Body: a.Body, URL: a.URL,
			Topics: a.Topics, Language: a.Language, Quality: *a.Quality,
		})
		if err != nil {
			t.Fatalf("%s: %v", a.Title, err)
		}
		list = append(list, item)
	}
	return list
}

func TestArticles(t *testing.T) {
	t.Parallel()
	languages, topics := map[string]bool{}, map[string]bool{}
	for _, item := range items(t) {
		languages[item.Language] = true
		for _, topic := range item.Topics {
			topics[topic] = true
		}
		if len(item.Topics) < 2 || item.Summary == "" || item.URL == "" || item.Quality == 0 || len(item.Body) < 400 {
			t.Errorf("%s is not whole", item.Title)
		}
	}
	if len(languages) < 7 || len(topics) != 10 {
		t.Errorf("%d languages, %d topics", len(languages), len(topics))
	}
	for _, bad := range []string{"title: x\ncolour: red\n\nbody", "quality: good\n\nbody"} {
		if _, err := parseArticle(bad); err == nil {
			t.Errorf("taken: %q", bad)
		}
	}
}

// TestTemplateSpeaksToEverybody renders the demo's mail as it is sent, in each language that readers have.
func TestTemplateSpeaksToEverybody(t *testing.T) {
	t.Parallel()
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := mailTemplate()
	if err != nil {
		t.Fatal(err)
	}
	source := in.Languages["en"]
	made, err := template.New(engine, template.Template{
		Name: in.Name, Channel: string(in.Channel), Language: "en", Subject: source.Subject, HTML: source.HTML, Text: source.Text,
	})
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := rendition.Prepare(rendition.Input{
		Template: made, Items: items(t), Data: map[string]any{"issue": 7.0}, Writer: content.NewWriter(), Track: true,
		Publication: rendition.Publication{ID: "p", Title: "The Slow Post", Date: "2026-04-01"},
		Sender:      rendition.Sender{Name: identity.FromName, Email: identity.FromEmail, PostalAddress: identity.PostalAddress},
	})
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := rendition.Compile(engine, prepared, nil)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := compiled.Render(rendition.Recipient{}, []int{3}, rendition.Links{Unsubscribe: "https://h/u"})
	if err != nil || strings.Contains(alone.HTML, `href=""`) || !strings.HasSuffix(alone.Text, "Example\nhttps://h/u") {
		t.Errorf("without a page and a preference centre: %v\n%s\n%s", err, alone.HTML, alone.Text)
	}
	links := rendition.Links{Unsubscribe: "https://h/u", Archive: "https://h/a", Preferences: "https://h/p", Click: "https://h/c/", Open: "https://h/o"}
	for language, want := range map[string][]string{
		"en": {`lang="en"`, `dir="ltr"`, "Good morning, Ana.", "books, music"}, "en-GB": {"Good morning"}, "de": {"Guten Morgen"}, "fr": {"Bonjour"},
		"es": {"Buenos días"}, "pt-BR": {"Bom dia"}, "ja": {"おはよう"}, "ar": {`lang="ar"`, `dir="rtl"`, "صباح الخير، Ana", "books، music"},
		"fi": {`lang="en"`, "Good morning"}, "": {"Good morning"},
	} {
		out, err := compiled.Render(rendition.Recipient{
			ID: "s", Email: "ana@example.org", Name: "Ana <b>", FirstName: "Ana", Language: language, Timezone: "Asia/Tokyo",
			Topics: []string{"books", "music"}, Attributes: map[string]any{"city": "Porto & more"},
		}, []int{3, 4, 5}, links)
		if err != nil {
			t.Fatalf("%s: %v", language, err)
		}
		want = append(want, "https://h/u", "https://h/p", "https://h/c/", "https://h/o", "№ 7", "1 Paper Lane", "Porto &amp; more")
		for _, text := range want {
			if !strings.Contains(out.HTML, text) {
				t.Errorf("%q: no %q in the HTML:\n%s", language, text, out.HTML)
			}
		}
		for _, text := range []string{"№ 7", "https://h/u", "https://h/a", "\n* "} {
			if !strings.Contains(out.Text, text) {
				t.Errorf("%q: no %q in the text:\n%s", language, text, out.Text)
			}
		}
		if strings.Contains(out.HTML+out.Text+out.Subject, "{") || !strings.HasSuffix(out.Subject, "· The Slow Post") {
			t.Errorf("%q: something is left of the template: %s\n%s\n%s", language, out.Subject, out.HTML, out.Text)
		}
	}
}
