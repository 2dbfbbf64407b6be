package edition

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/rendition"
)

func TestArticle(t *testing.T) {
	t.Parallel()
	store := builtin(t, "en", "de")
	archive := &Archive{Shelf: shelf(t, store)}
	got, err := archive.Article(t.Context(), 1, "de-AT, en;q=0.5")
	if err != nil {
		t.Fatal(err)
	}
	if got.Language != "de" || got.Summary != "Seeds · Trees" {
		t.Errorf("%q in %s", got.Summary, got.Language)
	}
	for _, want := range []string{
		`<h2><a href="https://example.org/seeds">Seeds</a></h2>`, `href="https://example.org/early"`, "Prune.",
	} {
		if !strings.Contains(got.HTML, want) {
			t.Errorf("%s is not in %s", want, got.HTML)
		}
	}
	for _, unwanted := range []string{"presswork-", "/t/", "<html", "<table", "nsubscribe", "Abmelden"} {
		if strings.Contains(got.HTML, unwanted) {
			t.Errorf("%s is in %s", unwanted, got.HTML)
		}
	}
	store = newsletter(t, "en")
	store.stored = nil
	if _, err := (&Archive{Shelf: shelf(t, store)}).Article(t.Context(), 1, "en"); !fault.Is(err, fault.GiveUp) {
		t.Errorf("one that was not rendered: %v", err)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 200)
	many := make([]rendition.ItemPart, 100)
	for i := range many {
		many[i].Title = long
	}
	for name, c := range map[string]struct {
		items []rendition.ItemPart
		want  string
	}{
		"nothing":         {nil, ""},
		"one":             {[]rendition.ItemPart{{Title: "A", Summary: "About a."}}, "About a."},
		"without summary": {[]rendition.ItemPart{{Title: "A"}}, "A"},
		"two":             {[]rendition.ItemPart{{Title: "A", Summary: "x"}, {Title: "B", Summary: "y"}}, "A · B"},
		"many":            {many, strings.Repeat(long+" · ", 3) + long + " …"},
	} {
		if got := summaryOf(c.items); got != c.want || utf8.RuneCountInString(got) > maxSummary+2 {
			t.Errorf("%s: %q", name, got)
		}
	}
}
