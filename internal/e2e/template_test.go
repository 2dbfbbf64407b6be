package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// TestTemplatesAcrossProcesses: a template that is changed by one process is the new one for what another accepts next, for what
// either of them sends, whatever they remember of the old one; what was accepted before keeps the old one.
func TestTemplatesAcrossProcesses(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("reader", 3))
	other := fixture.NewAPI(t, h.start(nil, app.API, app.Worker).APIURL)
	source := func(words string) map[string]any {
		return map[string]any{"name": "words", "languages": map[string]any{"en": map[string]any{
			"subject": words + ": {{ publication.title }}", "html": "<p>" + words + "</p>", "text": words + " {{ subscriber.name }}"}}}
	}
	first := source("Old words")
	first["channel"] = "email"
	var template struct{ ID string }
	h.Call(t, http.MethodPost, "/templates", first, &template)
	publish := func(api *fixture.API, title string, at time.Time) string {
		request := h.Request(fixture.Order{Title: title, Channels: []string{"email"}, Schedule: at})
		request["template_ids"] = map[string]string{"email": template.ID}
		var made struct{ ID string }
		api.Call(t, http.MethodPost, "/publications", request, &made)
		return made.ID
	}
	later := publish(h.API, "Pinned", time.Now().Add(time.Hour))
	// Enough for both to have met the old one.
	for _, title := range []string{"One", "Two", "Three"} {
		h.Await(t, publish(other, title, time.Time{}), "completed", patience)
	}
	other.Call(t, http.MethodPut, "/templates/"+template.ID, source("New words"), nil, "If-Match", `"1"`)
	for api, title := range map[*fixture.API]string{h.API: "Four", other: "Five"} {
		h.Await(t, publish(api, title, time.Time{}), "completed", patience)
	}
	if _, err := h.pool.Exec(t.Context(), `UPDATE publication SET scheduled_at = now() WHERE uid = $1::uuid`, later); err != nil {
		t.Fatal(err)
	}
	h.Await(t, later, "completed", patience)

	want := map[string]int{"Old words: One": 3, "Old words: Two": 3, "Old words: Three": 3, "New words: Four": 3, "New words: Five": 3, "Old words: Pinned": 3}
	got := map[string]int{}
	for _, m := range h.Sandbox.Messages("email") {
		letter := m.Read()
		words, _, _ := strings.Cut(letter.Subject, ":")
		if !strings.Contains(letter.HTML, words) || !strings.Contains(letter.Text, words) {
			t.Errorf("%q has the words %q and %q", letter.Subject, letter.Text, letter.HTML)
		}
		got[letter.Subject]++
	}
	if !maps.Equal(got, want) {
		t.Errorf("arrived %v, want %v", slices.Sorted(maps.Keys(got)), want)
	}
}
