package rendition_test

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
)

func daily() rendition.Brand {
	return rendition.Brand{
		Slug: "daily", Name: `Day & "Night"`, Logo: "https://h/p/a/1?a=1&b=2", Color: "#ffcc00", TextColor: "#000000", LinkColor: "#7c2d12",
		ImprintURL: "https://daily.example/imprint", PrivacyURL: "https://daily.example/privacy", SupportEmail: "help@daily.example",
	}
}

// TestBuiltinShowsTheBrand: the built-in layouts show its logo, its colours and its links, in every language.
func TestBuiltinShowsTheBrand(t *testing.T) {
	t.Parallel()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"email", "newsletter"} {
		for _, language := range library.Languages() {
			in := input(t, channel)
			in.Template, _ = library.Find(channel, language)
			in.Brand, in.CSS = daily(), daily().CSS()
			got, err := compiled(t, in).Render(anna, nil, own)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				`src="https://h/p/a/1?a=1&amp;b=2"`, `alt="Day &amp; &#34;Night&#34;"`, "background-color:#ffcc00", "color:#000000", `color:#7c2d12`,
				`href="https://daily.example/imprint"`, `href="https://daily.example/privacy"`, `href="mailto:help@daily.example"`,
			} {
				if !strings.Contains(got.HTML, want) {
					t.Errorf("%s in %s: %s is missing in\n%s", channel, language, want, got.HTML)
				}
			}
			if strings.Contains(got.HTML, "#1a56c4;border-radius") || strings.Contains(got.HTML+got.Text, "[[") {
				t.Errorf("%s in %s: the button has another colour\n%s", channel, language, got.HTML)
			}
			for _, want := range []string{": https://daily.example/imprint\n", ": https://daily.example/privacy\n", ": help@daily.example\n"} {
				if !strings.Contains(got.Text, want) {
					t.Errorf("%s in %s: %q is missing in\n%s", channel, language, want, got.Text)
				}
			}
		}
	}
}

// TestBrandInParts: a brand has what it has; nothing is left of what it has not.
func TestBrandInParts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		brand    rendition.Brand
		has, not []string
	}{
		"none":      {rendition.Brand{}, []string{`">Presswork</p>`, "background-color:#1a56c4"}, []string{"<img class", "mpressum", "Hilfe"}},
		"a name":    {rendition.Brand{Name: "Daily"}, []string{`">Daily</p>`, "background-color:#1a56c4"}, []string{"mpressum", "Hilfe"}},
		"help only": {rendition.Brand{Name: "Daily", SupportEmail: "a@x.org"}, []string{`>Hilfe</a></p>`}, []string{"mpressum", "· <a href=\"mailto"}},
		"links":     {rendition.Brand{Name: "Daily", LinkColor: "#000000"}, []string{"color:#000000", "color:#ffffff"}, []string{"mpressum"}},
	} {
		in := input(t, "email")
		in.Brand, in.CSS = c.brand, c.brand.CSS()
		got, err := compiled(t, in).Render(anna, []int{0}, own)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.has {
			if !strings.Contains(got.HTML, want) {
				t.Errorf("%s: %s is missing in\n%s", name, want, got.HTML)
			}
		}
		for _, bad := range c.not {
			if strings.Contains(got.HTML+got.Text, bad) {
				t.Errorf("%s: %s is in\n%s\n%s", name, bad, got.HTML, got.Text)
			}
		}
	}
}
