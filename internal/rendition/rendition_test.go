package rendition_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/template"
)

func engine(t testing.TB) *jinja.Engine {
	t.Helper()
	e, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func input(t testing.TB, channel string) rendition.Input {
	t.Helper()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	builtin, ok := library.Find(channel, "de-AT")
	if !ok {
		t.Fatalf("no template for %s", channel)
	}
	paragraph := "Some **strong** text with [a link](https://example.org/inner?a=1&b=2) and more of it.\n\n"
	items := []content.Item{
		{Title: "First & foremost", Summary: "Sum {{ 1 }}", Body: strings.Repeat(paragraph, 5), URL: "https://example.org/1", Topics: []string{"a"}},
		{Title: "Second", Body: "<p>two {{ subscriber.email }}</p>", Format: content.HTML, URL: "https://example.org/2"},
		{Title: "Third", Body: "three"},
	}
	for i := range items {
		if items[i], err = content.New(items[i]); err != nil {
			t.Fatal(err)
		}
	}
	return rendition.Input{
		Template: builtin, FallbackText: builtin.Text, Items: items, Writer: content.NewWriter(), Track: true,
		Publication: rendition.Publication{ID: "p1", Title: "The Weekly", Type: "newsletter", URL: "https://example.org/p/1"},
		Sender:      rendition.Sender{Name: "Presswork", Email: "news@example.org", PostalAddress: "1 Main Street"},
	}
}

func compiled(t testing.TB, in rendition.Input) *rendition.Compiled {
	t.Helper()
	prepared, err := rendition.Prepare(in)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(prepared)
	if err != nil {
		t.Fatal(err)
	}
	var stored rendition.Rendition
	if err := json.Unmarshal(raw, &stored); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(stored); err != nil || !bytes.Equal(raw, again) {
		t.Fatalf("JSON changes a rendition: %v", err)
	}
	c, err := rendition.Compile(engine(t), stored, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	anna = rendition.Recipient{ID: "s1", Email: "anna@example.org", Name: "Anna B", FirstName: "Anna", Language: "de", Topics: []string{"a"}}
	own  = rendition.Links{
		Unsubscribe: "https://h/u/1?a=1&b=2", Archive: "https://h/p/1", Preferences: "https://h/pref/1",
		Click: "https://h/t/c/SIG/", Open: "https://h/t/o/SIG",
	}
)

func TestRenderDefaultMail(t *testing.T) {
	t.Parallel()
	for _, channel := range []string{"email", "newsletter"} {
		c := compiled(t, input(t, channel))
		got, err := c.Render(anna, []int{1, 0}, own)
		if err != nil {
			t.Fatal(err)
		}
		if got.Subject != "The Weekly" {
			t.Errorf("subject %q", got.Subject)
		}
		for _, want := range []string{
			`<html lang="de" dir="ltr">`, "Hallo Anna,", "First &amp; foremost", `href="https://h/t/c/SIG/0"`,
			`href="https://h/u/1?a=1&amp;b=2"`, "1 Main Street", "anna@example.org", "Weiterlesen",
			`src="https://h/t/o/SIG"`, "prefers-color-scheme", `<p style="margin:0 0 12px 0">`, "two {{ subscriber.email }}",
		} {
			if !strings.Contains(got.HTML, want) {
				t.Errorf("%s: %s is missing in\n%s", channel, want, got.HTML)
			}
		}
		for _, bad := range []string{"presswork-", "[[", "Third", "data-notrack", "{%"} {
			if strings.Contains(got.HTML, bad) {
				t.Errorf("%s: %s is in the HTML", channel, bad)
			}
		}
		if strings.Index(got.HTML, "Second") > strings.Index(got.HTML, "First") {
			t.Errorf("%s: the order of the choice is lost", channel)
		}
		for _, want := range []string{
			"Hallo Anna,", "First & foremost", "a link (https://example.org/inner?a=1&b=2)",
			"Weiterlesen: https://example.org/1", "Abmelden: https://h/u/1?a=1&b=2",
		} {
			if !strings.Contains(got.Text, want) {
				t.Errorf("%s: %s is missing in\n%s", channel, want, got.Text)
			}
		}
	}
}

// TestRenderWithoutPages leaves out the links that there are none for.
func TestRenderWithoutPages(t *testing.T) {
	t.Parallel()
	for _, channel := range []string{"email", "newsletter"} {
		got, err := compiled(t, input(t, channel)).Render(anna, []int{1}, rendition.Links{Unsubscribe: "https://h/u/1"})
		if err != nil || strings.Contains(got.HTML, `href=""`) || !strings.Contains(got.HTML, `href="https://h/u/1"`) ||
			!strings.HasSuffix(strings.TrimSpace(got.Text), "\nAbmelden: https://h/u/1") || strings.Contains(got.Text, "Einstellungen") {
			t.Errorf("%s: %v\n%s\n%s", channel, err, got.HTML, got.Text)
		}
	}
}

func TestRenderBroadcast(t *testing.T) {
	t.Parallel()
	for _, channel := range []string{"slack", "discord"} {
		c := compiled(t, input(t, channel))
		got, err := c.Render(rendition.Recipient{}, nil, rendition.Links{Archive: "https://h/p/1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"The Weekly", "https://example.org/1", "Second", "https://h/p/1"} {
			if !strings.Contains(got.Text, want) {
				t.Errorf("%s: %s is missing in\n%s", channel, want, got.Text)
			}
		}
		if got.HTML != "" {
			t.Errorf("%s has HTML", channel)
		}
	}
}

func TestSlackMarkupIsEscaped(t *testing.T) {
	t.Parallel()
	in := input(t, "slack")
	in.Publication.Title = "<!channel> & more"
	got, err := compiled(t, in).Render(rendition.Recipient{}, nil, rendition.Links{})
	if err != nil || !strings.HasPrefix(got.Text, "*&lt;!channel&gt; &amp; more*\n") || !strings.Contains(got.Text, "|First &amp; foremost>*") {
		t.Errorf("got %s, %v", got.Text, err)
	}
}

func TestPreviewKeepsLinks(t *testing.T) {
	t.Parallel()
	got, err := compiled(t, input(t, "email")).Render(anna, []int{0}, rendition.Links{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.HTML, `href="https://example.org/inner?a=1&amp;b=2"`) || !strings.Contains(got.HTML, `href="https://example.org/1"`) {
		t.Error("links are lost")
	}
	if strings.Contains(got.HTML, "presswork-") {
		t.Error("a preview is tracked")
	}
}

func TestSubjectIsOneLine(t *testing.T) {
	t.Parallel()
	in := input(t, "email")
	in.Template.Subject = "Hi {{ subscriber.name }}\n"
	evil := anna
	evil.Name = "A\r\nBcc: x@example.org\u2028\x00B"
	got, err := compiled(t, in).Render(evil, nil, own)
	if err != nil || got.Subject != "Hi A Bcc: x@example.org B" {
		t.Errorf("got %q, %v", got.Subject, err)
	}
}

func TestHostileReaders(t *testing.T) {
	t.Parallel()
	in := input(t, "email")
	in.Template.HTML = `<p>{{ subscriber.name }}</p><a href="{{ subscriber.attributes.site }}" title="{{ subscriber.name }}">x</a>`
	evil := anna
	evil.Name = `"><script>alert(1)</script>{{ 7 * 7 }}`
	evil.Attributes = map[string]any{"site": "javascript:alert(1)"}
	got, err := compiled(t, in).Render(evil, nil, own)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got.HTML, "<script") || strings.Contains(got.HTML, "javascript:") || strings.Contains(got.HTML, "49") || !strings.Contains(got.HTML, `href="#"`) {
		t.Errorf("got %s", got.HTML)
	}
}

func TestFallbackTextAndOddChoices(t *testing.T) {
	t.Parallel()
	in := input(t, "email")
	in.Template.Text = ""
	got, err := compiled(t, in).Render(anna, []int{99, -1, 2}, own)
	if err != nil || !strings.Contains(got.Text, "three") || strings.Contains(got.Text, "Second") {
		t.Errorf("got %s, %v", got.Text, err)
	}
}

func TestRenderAtOnce(t *testing.T) {
	t.Parallel()
	c := compiled(t, input(t, "newsletter"))
	want, err := c.Render(anna, []int{0, 1}, own)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if got, err := c.Render(anna, []int{0, 1}, own); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("a render differs: %v", err)
			}
		})
	}
	group.Wait()
}

func BenchmarkRender(b *testing.B) {
	for _, channel := range []string{"email", "newsletter"} {
		b.Run(channel, func(b *testing.B) {
			c := compiled(b, input(b, channel))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Render(anna, []int{2, 0, 1}, own); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	in := input(b, "newsletter")
	for b.Loop() {
		if _, err := rendition.Prepare(in); err != nil {
			b.Fatal(err)
		}
	}
}
