package postgres

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

func TestPublicationShowsPublicIDs(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	_, uid := n.accepted(t, func(o *publication.Order) {
		o.Templates = map[string]ident.UID{"email": n.Template}
		o.Audience = publication.AudienceOrder{Topics: []string{"go"}, Exclude: n.Readers[1:2]}
	})
	p, err := n.Publication(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	if p.UID != uid || p.Title != "Spring" || len(p.Channels) != 2 || *p.Sender != n.Sender || p.State != publication.Queued {
		t.Errorf("%+v", p)
	}
	if len(p.Contents) != 1 || p.Contents[0] != (publication.Ref{UID: n.Content, Version: 3}) || p.Templates["email"] != (publication.Ref{UID: n.Template, Version: 2}) {
		t.Errorf("refers to %+v, %+v", p.Contents, p.Templates)
	}
	sameStrings(t, p.Audience.Topics, "go")
	if p.Audience.All || p.Audience.Subscribers != 0 || p.Audience.Excluded != 1 {
		t.Errorf("audience %+v", p.Audience)
	}
	n.exec(t, `DELETE FROM content`)
	if p, err = n.Publication(t.Context(), uid); err != nil || len(p.Contents) != 1 || !p.Contents[0].UID.IsZero() {
		t.Errorf("of a deleted content: %+v, %v", p.Contents, err)
	}
	if _, err := n.Publication(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestPublicationsList(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	first, _ := n.accepted(t, nil)
	n.accepted(t, inAnHour)
	last, _ := n.accepted(t, func(o *publication.Order) {
		o.Type, o.Audience = publication.Alert, publication.AudienceOrder{Subscribers: n.Readers}
	})
	list := func(f publication.Filter) []int64 {
		t.Helper()
		if f.Limit == 0 {
			f.Limit = 10
		}
		got, err := n.Publications(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		ids := []int64{}
		for _, p := range got {
			ids = append(ids, p.ID)
		}
		return ids
	}
	if got := list(publication.Filter{}); len(got) != 3 || got[0] != last || got[2] != first {
		t.Errorf("all: %v", got)
	}
	if got := list(publication.Filter{Before: last, Limit: 1}); len(got) != 1 || got[0] >= last {
		t.Errorf("a page: %v", got)
	}
	if got := list(publication.Filter{States: []publication.State{publication.Queued}}); len(got) != 2 {
		t.Errorf("queued: %v", got)
	}
	if got := list(publication.Filter{Types: []publication.Type{publication.Alert}}); len(got) != 1 || got[0] != last {
		t.Errorf("alerts: %v", got)
	}
	if got := list(publication.Filter{Since: time.Now().Add(time.Hour)}); len(got) != 0 {
		t.Errorf("since later: %v", got)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, nil)
	p, err := n.PublicationProgress(t.Context(), uid)
	if err != nil || len(p.Channels) != 0 || p.Rate() != 0 || p.FanoutDone {
		t.Errorf("at first %+v, %v", p, err)
	}
	n.exec(t, `UPDATE publication SET state = 'sending', fanout_done = true, started_at = clock_timestamp() - interval '10 s' WHERE id = $1`, id)
	n.exec(t, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, state, n_sent, n_failed, n_skipped, n_uncertain) VALUES
		($1, 1, 1, 0, 100, 100, 'done', 90, 5, 3, 2), ($1, 1, 1, 100, 200, 100, 'claimed', 10, 0, 0, 0),
		($1, 1, 1, 200, 300, 50, 'waiting', 0, 0, 0, 0), ($1, 3, 1, 0, 1, 1, 'ready', 0, 0, 0, 0)`, id)
	if p, err = n.PublicationProgress(t.Context(), uid); err != nil {
		t.Fatal(err)
	}
	want := publication.Counts{Channel: 1, Sent: 100, Failed: 5, Skipped: 3, Uncertain: 2, Sending: 90, Pending: 50}
	if len(p.Channels) != 2 || p.Channels[0] != want || p.Channels[1].Pending != 1 || p.All().Total() != 251 || p.All().Settled() != 110 {
		t.Errorf("%+v", p)
	}
	left, known := p.Remaining()
	if rate := p.Rate(); rate < 5 || rate > 11 || !known || left < 12*time.Second || left > 30*time.Second {
		t.Errorf("rate %v, remaining %v, %v", rate, left, known)
	}
	if _, err := n.PublicationProgress(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown: %v", err)
	}
}
