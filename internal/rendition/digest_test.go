package rendition_test

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
)

// TestDigest: items stand below their topics, with what leads to them or in full, and each reader gets their own.
func TestDigest(t *testing.T) {
	t.Parallel()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range library.Digest("email") {
		in := input(t, "email")
		in.Template, in.FallbackText, in.Digest = source, source.Text, []string{"", "Zoo & more", "Zoo & more"}
		out, err := compiled(t, in).Render(anna, []int{0, 1, 2}, own)
		if err != nil {
			t.Fatal(err)
		}
		for part, want := range map[string][]string{
			out.HTML: {"First &amp; foremost", "Sum {{ 1 }}", "two {{ subscriber.email }}", ">three</p>", "Anna", "Zoo &amp; more"},
			out.Text: {"First & foremost", "Sum {{ 1 }}", "two {{ subscriber.email }}", "three", "Anna", "Zoo & more", "https://example.org/1"},
		} {
			for _, words := range want {
				if !strings.Contains(part, words) {
					t.Errorf("%s: %q is missing in\n%s", source.Language, words, part)
				}
			}
		}
		if n := strings.Count(out.HTML, "Zoo &amp; more"); n != 1 {
			t.Errorf("%s: the topic stands there %d times", source.Language, n)
		}
		if strings.Contains(out.HTML, "Some <strong>strong") || strings.Contains(out.Subject, "{{") {
			t.Errorf("%s: an item that leads somewhere is there in full, or the subject %q is no words", source.Language, out.Subject)
		}
		if len(out.HTML) > 20_000 {
			t.Errorf("%s: %d bytes", source.Language, len(out.HTML))
		}
		one, err := compiled(t, in).Render(anna, []int{2}, rendition.Links{})
		if err != nil || strings.Contains(one.HTML, "First") || !strings.Contains(one.HTML, "three") {
			t.Errorf("%s: not their own: %v", source.Language, err)
		}
	}
}

// TestDigestShowsTheBrand: its logo, the colour of its links, and where they lead, as the other layouts do.
func TestDigestShowsTheBrand(t *testing.T) {
	t.Parallel()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range library.Digest("newsletter") {
		in := input(t, "newsletter")
		in.Template, in.FallbackText, in.Digest = source, source.Text, []string{"", "", ""}
		in.Brand, in.CSS = daily(), daily().CSS()
		got, err := compiled(t, in).Render(anna, []int{0, 1, 2}, own)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`src="https://h/p/a/1?a=1&amp;b=2"`, `alt="Day &amp; &#34;Night&#34;"`, `color:#7c2d12`,
			`href="https://daily.example/imprint"`, `href="https://daily.example/privacy"`, `href="mailto:help@daily.example"`,
		} {
			if !strings.Contains(got.HTML, want) {
				t.Errorf("%s: %s is missing in\n%s", source.Language, want, got.HTML)
			}
		}
		for _, want := range []string{": https://daily.example/imprint\n", ": https://daily.example/privacy\n", ": help@daily.example\n"} {
			if !strings.Contains(got.Text, want) {
				t.Errorf("%s: %q is missing in\n%s", source.Language, want, got.Text)
			}
		}
	}
}

// TestExcerpt: an item without a summary has the beginning of its text.
func TestExcerpt(t *testing.T) {
	t.Parallel()
	in := input(t, "email")
	in.Items[0].Summary, in.Digest = "", make([]string, len(in.Items))
	r, err := rendition.Prepare(in)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Items[0].Summary; !strings.HasPrefix(s, "Some strong text with a link") || !strings.HasSuffix(s, "…") || len([]rune(s)) > 241 {
		t.Errorf("%q", s)
	}
	if s := r.Items[2].Summary; s != "three" {
		t.Errorf("%q", s)
	}
}
