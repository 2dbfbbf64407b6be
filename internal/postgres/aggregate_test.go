package postgres

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/ident"
)

// caughtUp aggregates until every event is counted. Other tests' transactions on the same server can hold
// the horizon back for a moment.
func caughtUp(t *testing.T, db *DB) {
	t.Helper()
	for {
		if _, err := db.AggregateEvents(t.Context()); err != nil {
			t.Fatal(err)
		}
		if value[bool](t, db, `SELECT NOT EXISTS (SELECT FROM event WHERE tx >= (SELECT tx FROM stat_cursor))`) {
			return
		}
	}
}

// recount is the counters as they should be, from the events themselves.
func checkRecount(t *testing.T, db *DB) {
	t.Helper()
	wrong := value[[]string](t, db, `
		SELECT coalesce(array_agg(concat_ws(' ', c, e)), '{}')
		FROM (SELECT publication_id, channel_id, kind, hour, total FROM stat) c
		FULL JOIN (SELECT publication_id, channel_id, kind, date_trunc('hour', at, 'UTC') AS hour, count(*) AS total
		           FROM event GROUP BY 1, 2, 3, 4) e USING (publication_id, channel_id, kind, hour)
		WHERE c.total IS DISTINCT FROM e.total`)
	sameStrings(t, wrong)
	wrong = value[[]string](t, db, `
		SELECT coalesce(array_agg(concat_ws(' ', c, e)), '{}')
		FROM (SELECT publication_id, channel_id, kind, sum(uniques) AS uniques FROM stat GROUP BY 1, 2, 3) c
		FULL JOIN (SELECT publication_id, channel_id, kind, count(DISTINCT recipient_id) AS uniques
		           FROM event GROUP BY 1, 2, 3) e USING (publication_id, channel_id, kind)
		WHERE c.uniques IS DISTINCT FROM e.uniques`)
	sameStrings(t, wrong)
}

func randomEvents(r *rand.Rand, n int) []analytics.Event {
	events := make([]analytics.Event, n)
	for i := range events {
		events[i] = analytics.Event{
			At:   time.Now().Add(-time.Duration(r.IntN(3)) * time.Minute),
			Kind: analytics.Kind(1 + r.IntN(3)), Publication: int64(1 + r.IntN(3)), Channel: int16(1 + r.IntN(2)), //nolint:gosec // small
			Recipient: int64(r.IntN(40)), Link: analytics.NoLink,
		}
	}
	return events
}

// The counters equal a recount whatever writes while they are made: many short transactions, one that stays
// open meanwhile and began first, one that rolls back, and several aggregations at once.
func TestCountersEqualARecount(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ctx := t.Context()
	slow, err := n.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	insertIn := func(tx pgx.Tx, publicationID int64) {
		t.Helper()
		if _, err := tx.Exec(ctx, `INSERT INTO event (kind, publication_id, channel_id, recipient_id) VALUES (1, $1, 1, 7)`, publicationID); err != nil {
			t.Fatal(err)
		}
	}
	insertIn(slow, 1)
	var writers, counters sync.WaitGroup
	done := make(chan struct{})
	for seed := range uint64(3) {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable
			for range 40 {
				if err := n.InsertEvents(ctx, randomEvents(r, r.IntN(20))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		counters.Go(func() {
			for {
				if _, err := n.AggregateEvents(ctx); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	if counted := value[int](t, n.DB, `SELECT coalesce(sum(total), 0)::int FROM stat`); counted != 0 {
		t.Errorf("%d events were counted that began after an open transaction", counted)
	}
	insertIn(slow, 9)
	if err := slow.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	undone, err := n.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	insertIn(undone, 5)
	if err := undone.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	close(done)
	counters.Wait()
	caughtUp(t, n.DB)
	checkRecount(t, n.DB)
	if again, err := n.AggregateEvents(ctx); err != nil || again != 0 {
		t.Errorf("again: %d, %v", again, err)
	}
	checkRecount(t, n.DB)
	if late := value[int](t, n.DB, `SELECT total::int FROM stat WHERE publication_id = 9`); late != 1 {
		t.Errorf("%d events of the transaction that was open", late)
	}
}

// A backlog is counted in pages, and a transaction larger than a page as a whole.
func TestAggregatePages(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, rows := range []int{10, aggregatePage + 5, 10, aggregatePage - 5, 3} {
		n.exec(t, `INSERT INTO event (kind, publication_id, channel_id, recipient_id) SELECT 1, 1, 1, i FROM generate_series(1, $1::int) i`, rows)
	}
	var pages []int
	for value[bool](t, n.DB, `SELECT EXISTS (SELECT FROM event WHERE tx >= (SELECT tx FROM stat_cursor))`) {
		counted, err := n.AggregateEvents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if counted > 0 {
			pages = append(pages, counted)
		}
	}
	if len(pages) < 3 || slices.Max(pages) != aggregatePage+5 {
		t.Errorf("pages %v", pages)
	}
	checkRecount(t, n.DB)
}

func TestPublicationStats(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, nil)
	at := time.Now()
	if err := n.InsertEvents(t.Context(), []analytics.Event{
		{At: at, Kind: analytics.Open, Publication: id, Channel: 1, Recipient: 1, Link: analytics.NoLink},
		{At: at, Kind: analytics.Open, Publication: id, Channel: 1, Recipient: 1, Link: analytics.NoLink},
		{At: at, Kind: analytics.Click, Publication: id, Channel: 1, Recipient: 2, Link: 4},
	}); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, n.DB)
	stats, err := n.PublicationStats(t.Context(), uid)
	if err != nil || stats.Of(1, analytics.Open) != (analytics.Sum{Total: 2, Uniques: 1}) || stats.Of(1, analytics.Click) != (analytics.Sum{Total: 1, Uniques: 1}) {
		t.Errorf("%+v, %v", stats, err)
	}
	if stats, err := n.PublicationStats(t.Context(), ident.New()); err != nil || len(stats) != 0 {
		t.Errorf("unknown: %+v, %v", stats, err)
	}
	n.exec(t, `INSERT INTO link (publication_id, n, url) VALUES ($1, 4, 'https://example.org/')`, id)
	if url, err := n.Link(context.WithoutCancel(t.Context()), id, 4); err != nil || url != "https://example.org/" {
		t.Errorf("link %q, %v", url, err)
	}
	if url, err := n.Link(t.Context(), id, 5); err == nil {
		t.Errorf("unknown link %q", url)
	}
}
