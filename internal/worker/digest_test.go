package worker

import (
	"encoding/json"
	"testing"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
)

// TestDigestIsRendered in the five languages of readers' pages: its items know their topics, and lead to the pages of what they are of.
func TestDigestIsRendered(t *testing.T) {
	t.Parallel()
	m := story(newsletter)
	m.p.Audience = publication.Audience{Digest: 3}
	m.items = []content.Item{{Title: "One", Body: "one", URL: "https://own.example/1"}, {Title: "Two", Body: "two"}}
	page := ident.New()
	m.parts = []publication.DigestPart{{First: 0, Size: 1}, {First: 1, Size: 1, Topic: "Zoo", Page: page}}
	if _, err := render(t, m); err != nil || m.fanout == nil {
		t.Fatalf("%v, %s", err, m.failure)
	}
	if n := len(m.fanout.Renditions); n != 5 {
		t.Errorf("%d renditions", n)
	}
	for _, stored := range m.fanout.Renditions {
		var r rendition.Rendition
		if err := json.Unmarshal(stored.Body, &r); err != nil {
			t.Fatal(err)
		}
		if !r.Digest || r.Publication.URL != "" || r.Items[0].Topic != "" || r.Items[0].URL != "https://own.example/1" ||
			r.Items[1].Topic != "Zoo" || r.Items[1].URL != "https://house.example/p/n/"+page.String() {
			t.Errorf("%s: %+v", r.Language, r.Items)
		}
	}
}

// TestDigestIsExpanded: what each reader gets was decided before.
func TestDigestIsExpanded(t *testing.T) {
	t.Parallel()
	m := story(email)
	m.p.Audience = publication.Audience{Digest: 3}
	m.items = []content.Item{{Title: "One", Body: "one"}}
	m.pages = []*publication.Page{{Range: 1, Gen: 1, Publication: m.p, Readers: []publication.Reader{{ID: 1, Gathered: []byte{4, 2}}, {ID: 2, Gathered: []byte{9}}}}}
	if _, err := render(t, m); err != nil || len(m.expanded) != 1 {
		t.Fatalf("%v, %d pages", err, len(m.expanded))
	}
	if got := m.expanded[0].choices; len(got) != 2 || string(got[0]) != "\x04\x02" || string(got[1]) != "\x09" {
		t.Errorf("%v", got)
	}
}
