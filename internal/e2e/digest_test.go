package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// digestHour lets so much time pass for what is held back that everybody's digest is due.
const digestHour = `UPDATE held SET due = now(), since = since - interval '8 days'`

// TestDigestsAreGood: so are digests, in the five languages of readers, and with a template of the organisation's own.
func TestDigestsAreGood(t *testing.T) {
	t.Parallel()
	const address = "1 Paper Lane, 00000 Example"
	titles := map[string]string{"en": "Your digest from Die Häuser-Post, täglich", "de": "Ihre Zusammenfassung von Die Häuser-Post, täglich",
		"fr": "Votre récapitulatif de Die Häuser-Post, täglich", "es": "Su resumen de Die Häuser-Post, täglich", "ar": "ملخصك من Die Häuser-Post, täglich"}
	h := open(t)
	h.ConnectAll(t)
	for language := range titles {
		h.Call(t, http.MethodPost, "/subscribers", map[string]any{"email": "daily." + language + "@reader.example", "name": "Ann Größe", "language": language,
			"status": "active", "consent_source": "test"}, nil)
	}
	if _, err := h.pool.Exec(t.Context(), `UPDATE subscriber SET frequency = 1`); err != nil {
		t.Fatal(err)
	}
	var from struct{ ID string }
	h.Call(t, http.MethodPost, "/senders", map[string]any{"name": "desk", "from_name": "Die Häuser-Post, täglich", "from_email": "post@house.example",
		"reply_to": "letters@house.example", "postal_address": address, "default": true}, &from)
	paths := h.digests(1)
	for i, l := range readByPython(t, paths) {
		language := languageOf(l)
		l.check(t, filepath.Base(paths[i]), address)
		if l.Subject != titles[language] || !strings.Contains(l.HTML, `<html lang="`+language+`"`) || strings.Contains(l.HTML, `dir="rtl"`) != (language == "ar") {
			t.Errorf("%s: %q", filepath.Base(paths[i]), l.Subject)
		}
		for _, words := range []string{"What grew in the garden", "Was im Garten wächst", "The first beans are ripe", "Ann"} {
			if !strings.Contains(l.Text, words) || !strings.Contains(l.HTML, words) {
				t.Errorf("%s: %q is missing", filepath.Base(paths[i]), words)
			}
		}
	}
	scoreMails(t, paths)
	h.Call(t, http.MethodPost, "/templates", map[string]any{"name": "Our digest", "channel": "newsletter", "languages": map[string]any{
		"en": map[string]string{"subject": "{{ digest.items | length }} for you, {{ subscriber.first_name }}", "html": "{% for item in digest.items %}<h2>{{ item.title }}</h2>{% endfor %}" +
			`<p>{{ sender.postal_address }} <a href="{{ links.unsubscribe }}">no more</a></p>`},
		"de": map[string]string{"subject": "{{ digest.items | length }} für Sie", "html": `{% for item in digest.items %}<h2>{{ item.title }}</h2>{% endfor %}<a href="{{ links.unsubscribe }}">Schluss</a>`},
	}}, nil)
	h.Call(t, http.MethodPut, "/delivery-policy", map[string]any{"digest_template": "Our digest"}, nil, "If-Match", "*")
	for _, l := range readByPython(t, h.digests(2)) {
		language := languageOf(l)
		if want := map[bool]string{true: "2 für Sie", false: "2 for you, Ann"}[language == "de"]; l.Subject != want || !strings.Contains(l.HTML, "What grew in the garden</h2>") {
			t.Errorf("%s: %q, want %q\n%s", language, l.Subject, want, l.HTML)
		}
	}
}

// languageOf is that of the reader whom a digest came to.
func languageOf(l parsed) string {
	name, _, _ := strings.Cut(l.To[0][1], "@")
	return strings.TrimPrefix(name, "daily.")
}

// digests publishes twice to who wants everything daily, has its hour come, and writes what came then to files: one mail to each.
func (h *house) digests(round int) (paths []string) {
	h.t.Helper()
	for _, item := range []map[string]any{
		{"title": "What grew in the garden", "language": "en", "body": strings.Repeat("The first beans are ripe, and the slugs have found the lettuce. ", 8)},
		{"title": "Was im Garten wächst – Grüße", "language": "de", "summary": "The first beans are ripe: die ersten Bohnen.", "body": "Sie sind reif. [Mehr](https://reading.example/garten)", "url": "https://reading.example/garten"},
	} {
		var content, made struct{ ID string }
		h.Call(h.t, http.MethodPost, "/contents", item, &content)
		h.Call(h.t, http.MethodPost, "/publications", h.Request(fixture.Order{Title: "Garden", Channels: []string{"newsletter"}, Contents: []string{content.ID}}), &made)
		fixture.Until(h.t, patience, "it to be held for all", func() (bool, string) {
			p := h.Progress(h.t, made.ID)
			return p.All.Deferred == 5, p.String()
		})
	}
	before := len(h.Sandbox.Messages("newsletter"))
	if _, err := h.pool.Exec(h.t.Context(), digestHour); err != nil {
		h.t.Fatal(err)
	}
	var came []*sandbox.Message
	fixture.Until(h.t, patience, "five digests", func() (bool, string) {
		came = h.Sandbox.Messages("newsletter") // the newest first
		came = came[:len(came)-before]
		return len(came) >= 5, fmt.Sprint(len(came))
	})
	if len(came) != 5 {
		h.t.Fatalf("%d mails", len(came))
	}
	for _, m := range came {
		path := filepath.Join(h.t.TempDir(), fmt.Sprint(m.To, ".", round, ".eml"))
		if err := os.WriteFile(path, m.Body, 0o600); err != nil {
			h.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}
