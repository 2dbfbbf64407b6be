package postgres

import (
	"maps"
	"os"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// TestCensus counts each reader once, by the first reason that holds.
func TestCensus(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t) // three active readers, of whom one has the topic, and one who left
	n.exec(t, `INSERT INTO suppression (uid, hash, reason, source) VALUES ($1, 'a', 1, 'ses'), ($2, 'b', 3, 'api')`, ident.New(), ident.New())
	n.exec(t, `UPDATE subscriber SET suppression_id = (SELECT id FROM suppression WHERE hash = 'a') WHERE uid = $1`, n.Readers[0])
	n.exec(t, `UPDATE subscriber SET suppression_id = (SELECT id FROM suppression WHERE hash = 'b') WHERE uid = $1`, n.Readers[3])
	n.exec(t, `UPDATE subscriber SET suppression_id = 99 WHERE uid = $1`, n.Readers[1]) // taken off the list
	n.exec(t, `INSERT INTO subscriber (uid, email, status) VALUES ($1, 'x@deleted.invalid', 'unsubscribed')`, ident.New())
	n.exec(t, `INSERT INTO channel (uid, kind, provider, name, enabled, settings) VALUES
		($1, 'slack', 'slack', 'off', false, '{}'), ($2, 'slack', 'slack', 'spare', true, '{}'), ($3, 'slack', 'slack', 'main', true, '{"fallback": "spare"}')`,
		ident.New(), ident.New(), ident.New())
	for name, c := range map[string]struct {
		audience         publication.AudienceOrder
		readers          int64
		suppressed, left map[string]int64
	}{
		"all":      {publication.AudienceOrder{All: true}, 3, map[string]int64{"suppressed_bounce": 1}, map[string]int64{"not_active": 1}},
		"a topic":  {publication.AudienceOrder{Topics: []string{"go"}}, 1, map[string]int64{"suppressed_bounce": 1}, map[string]int64{"not_active": 1, "no_topic": 2}},
		"excluded": {publication.AudienceOrder{All: true, Exclude: []ident.UID{n.Readers[0], n.Readers[3]}}, 2, map[string]int64{}, map[string]int64{"excluded": 2}},
		"named":    {publication.AudienceOrder{Subscribers: n.Readers[1:]}, 2, map[string]int64{}, map[string]int64{"not_active": 1}},
	} {
		s := n.submission(t, func(o *publication.Order) { o.Audience = c.audience })
		got, err := n.Census(t.Context(), s.Resolved)
		if err != nil || got.Readers() != c.readers || !maps.Equal(got.Suppressed, c.suppressed) || !maps.Equal(got.Left, c.left) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got.Targets["slack"] != 2 || got.Off["slack"] != 1 || got.BatchSize != batchSize {
			t.Errorf("%s: places %+v", name, got)
		}
	}
	places := n.submission(t, func(o *publication.Order) {
		o.Channels, o.Audience = kinds(channel.Slack), publication.AudienceOrder{}
	})
	if got, err := n.Census(t.Context(), places.Resolved); err != nil || got.Readers() != 0 || got.Targets["slack"] != 2 {
		t.Errorf("places only: %+v, %v", got, err)
	}
}

// TestForeseenAsExpanded: of an audience that is split into ranges there are as many rows and batches as foreseen.
func TestForeseenAsExpanded(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `INSERT INTO subscriber (uid, email, status) SELECT gen_random_uuid(), i || '@example.org', CASE WHEN i % 7 = 0 THEN 'unsubscribed' ELSE 'active' END
		FROM generate_series(1, 12500) i WHERE i NOT BETWEEN 3000 AND 3500`)
	n.exec(t, `INSERT INTO subscriber (id, uid, email, status) OVERRIDING SYSTEM VALUE VALUES (20001, gen_random_uuid(), 'last@example.org', 'active')`)
	id, _ := n.accepted(t, func(o *publication.Order) { o.Channels = kinds(channel.Email) })
	s := n.submission(t, func(o *publication.Order) { o.Channels = kinds(channel.Email) })
	c, err := n.Census(t.Context(), s.Resolved)
	if err != nil {
		t.Fatal(err)
	}
	f := publication.Foresee(s, c, nil)
	n.exec(t, `UPDATE publication SET state = 'rendering' WHERE id = $1`, id)
	ranges, started, err := n.StartFanout(t.Context(), publication.Fanout{Publication: id, Lane: f.Lane, Ranges: publication.MaxRanges})
	if err != nil || !started {
		t.Fatal(err)
	}
	steps := int64(0)
	for _, r := range ranges {
		for gen, done := 1, false; !done; gen++ {
			page, err := n.ReadPage(t.Context(), r, gen)
			if err != nil || page == nil {
				t.Fatalf("%v, %v", page, err)
			}
			e, err := n.ExpandPage(t.Context(), page, []int16{channel.Email.ID()}, make([][]byte, len(page.Readers)), false)
			if err != nil {
				t.Fatal(err)
			}
			done = e.Done
			steps++
		}
	}
	rows := value[int64](t, n.DB, `SELECT count(*) FROM delivery WHERE publication_id = $1`, id)
	batches := value[int64](t, n.DB, `SELECT count(*) FROM batch WHERE publication_id = $1`, id)
	if got := f.Channels[0]; got.Recipients != rows || got.Batches != batches || f.Tasks["email-bulk"] != batches || f.Tasks["personalize-bulk"] != steps {
		t.Errorf("foreseen %+v; there are %d rows, %d batches, %d steps", f, rows, batches, steps)
	}
}

// BenchmarkCensus is of as many subscribers as the variable CENSUS says.
func BenchmarkCensus(b *testing.B) {
	many := os.Getenv("CENSUS")
	if many == "" {
		many = "20000"
	}
	n := newNewsroom(b)
	n.exec(b, `INSERT INTO subscriber (uid, email, status) SELECT gen_random_uuid(), i || '@example.org', 'active' FROM generate_series(1, $1::text::int) i`, many)
	s := n.submission(b, func(o *publication.Order) { o.Audience = publication.AudienceOrder{All: true} })
	began := time.Now()
	for b.Loop() {
		if _, err := n.Census(b.Context(), s.Resolved); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%s subscribers: %s each", many, time.Since(began)/time.Duration(max(b.N, 1)))
}
