package postgres

import (
	"slices"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// TestDeferredByReason tells why deliveries are put off and until when, and is as true as the ledger while they are released.
func TestDeferredByReason(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 40)
	exec(t, db, `UPDATE subscriber SET paused_until = now() + id * interval '1 day' WHERE id <= 10`)
	exec(t, db, `UPDATE subscriber SET frequency = 1 + id % 2 WHERE id BETWEEN 11 AND 15`)
	other := queued(t, db, publication.Audience{Subscribers: []int64{1, 2}})
	fanOut(t, db, other, 1)
	id := queued(t, db, publication.Audience{All: true})
	fanOut(t, db, id, 1)
	count := func() []delivery.DeferredCount {
		t.Helper()
		list, err := db.CountDeferred(t.Context(), publicationUID(t, db, id))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	of := func(n delivery.DeferredCount) [4]int64 {
		return [4]int64{int64(n.Channel), int64(n.Reason), n.Count, n.Due}
	}
	list := count()
	want := [][4]int64{{1, int64(delivery.PausedByReader), 10, 0}, {1, int64(delivery.Gathered), 5, 0}}
	if got := column(list, of); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if between := list[0].Last.Sub(list[0].First).Round(time.Hour); between != 9*24*time.Hour || !list[0].First.After(time.Now().Add(23*time.Hour)) {
		t.Errorf("looked at again from %s to %s", list[0].First, list[0].Last)
	}
	exec(t, db, `UPDATE held SET due = now() WHERE recipient_id <= 4`)
	if got := of(count()[0]); got != [4]int64{1, int64(delivery.PausedByReader), 10, 4} {
		t.Errorf("four are due: %v", got)
	}
	exec(t, db, `UPDATE subscriber SET paused_until = NULL WHERE id <= 4`)
	if _, err := db.ReleaseDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := of(count()[0]); got != [4]int64{1, int64(delivery.PausedByReader), 6, 0} {
		t.Errorf("four were released: %v", got)
	}
	if _, err := db.CountDeferred(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("of one that is not there: %v", err)
	}
}

// TestDeferredReadsItsOwn: what is held of other publications is not looked at, however much that is and in tables that were never
// analysed.
func TestDeferredReadsItsOwn(t *testing.T) {
	t.Parallel()
	db := open(t)
	exec(t, db, `
		INSERT INTO held (publication_id, channel_id, recipient_id, reason, due)
		SELECT p, 1, i, 19, now() + i * interval '1 second' FROM generate_series(1, 50) p, generate_series(1, 2000) i`)
	// All of them have more than 800 blocks, a publication's 2,000 some 17, and the index.
	if n := blocksOf(t, db, deferredCounts, []any{int64(25)}); n > 100 {
		t.Errorf("%d blocks are read for 2,000 of 100,000", n)
	}
}

// BenchmarkCountDeferred is of 100,000 that are put off, among ten times as many of others.
func BenchmarkCountDeferred(b *testing.B) {
	db := open(b)
	id := queued(b, db, publication.Audience{All: true})
	uid := publicationUID(b, db, id)
	exec(b, db, `
		INSERT INTO held (publication_id, channel_id, recipient_id, reason, due)
		SELECT $1::bigint + p, 1, i, 18 + i % 2 * 5, now() + i * interval '1 second' FROM generate_series(0, 10) p, generate_series(1, 100000) i`, id)
	for b.Loop() {
		if list, err := db.CountDeferred(b.Context(), uid); err != nil || len(list) != 2 || list[0].Count != 50_000 {
			b.Fatal(list, err)
		}
	}
}
