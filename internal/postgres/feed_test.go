package postgres

import (
	"bytes"
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

const inPlaces = `SELECT count(*)::int FROM batch WHERE place = 1 AND state IN ('ready', 'claimed', 'waiting')`

// next claims the first batch that was nudged.
func next(tb testing.TB, db *DB, session int64, token int) *delivery.Batch {
	tb.Helper()
	var id int64
	var gen int
	scan(tb, db, `SELECT id, gen FROM batch WHERE state IN ('ready', 'waiting') AND place > 0 ORDER BY id LIMIT 1`, &id, &gen)
	b, err := db.Claim(tb.Context(), session, id, gen, token)
	if err != nil || b == nil {
		tb.Fatalf("batch %d is not claimed: %v, %v", id, b, err)
	}
	return b
}

// settled says that everybody of a batch was sent to.
func settled(tb testing.TB, db *DB, b *delivery.Batch) {
	tb.Helper()
	exec(tb, db, `UPDATE delivery SET state = 2 WHERE publication_id = $1 AND channel_id = $2 AND recipient_id > $3 AND recipient_id <= $4`,
		b.Publication, b.Channel, b.Lo, b.Hi)
}

// Four ranges are expanded at once; each counts what the others gave away.
func TestExpansionFillsThePlacesAndNoMore(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 20_000)
	id := queued(t, db, publication.Audience{All: true})
	if _, err := db.StartRender(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	ranges, _, err := db.StartFanout(t.Context(), publication.Fanout{Publication: id, Lane: 2, Ranges: 4})
	if err != nil {
		t.Fatal(err)
	}
	var workers errgroup.Group
	for _, r := range ranges {
		workers.Go(func() error {
			for gen, done := 1, false; !done; {
				page, err := db.ReadPage(t.Context(), r, gen)
				if err != nil {
					return err
				}
				e, err := db.ExpandPage(t.Context(), page, []int16{channel.Email.ID()}, make([][]byte, len(page.Readers)), false)
				if err != nil {
					return err
				}
				gen, done = e.Gen, e.Done
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, inPlaces); n != Places {
		t.Errorf("%d batches have places", n)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM outbox WHERE kind = 'send-email'`); n != Places {
		t.Errorf("%d batches were nudged", n)
	}
	backlog, err := db.Backlog(t.Context())
	want := delivery.Backlog{Channel: 1, Lane: 2, BehindBatches: 200 - Places, BehindRecipients: 100 * (200 - Places), FedBatches: Places, FedRecipients: 100 * Places}
	if err != nil || len(backlog) != 1 || backlog[0] != want {
		t.Errorf("backlog %+v, %v", backlog, err)
	}
}

// What is done passes its place on, in the same transaction and to the first that is behind; what is given back for its
// slot does not.
func TestReleasePassesThePlaceOn(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 100*(Places+3))
	session := openSession(t, db)
	b := next(t, db, session, 1)
	exec(t, db, `DELETE FROM outbox`)
	if r, err := db.Release(t.Context(), b, 0); err != nil || r.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	sameStrings(t, value[[]string](t, db, `SELECT array_agg(task_id) FROM outbox`), "b:1:2")
	exec(t, db, `DELETE FROM outbox`)
	b = next(t, db, session, 2)
	settled(t, db, b)
	if r, err := db.Release(t.Context(), b, 0); err != nil || !r.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	sameStrings(t, value[[]string](t, db, `SELECT array_agg(task_id) FROM outbox`), "b:65:2")
	if n := value[int](t, db, inPlaces); n != Places {
		t.Errorf("%d batches have places", n)
	}
	if n, err := db.Feed(t.Context()); n != 0 || err != nil {
		t.Errorf("fed %d, %v, though nothing stalled", n, err)
	}
	if r, err := db.Release(t.Context(), b, 0); err == nil {
		t.Errorf("released twice: %+v", r)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM outbox`); n != 1 {
		t.Errorf("%d nudges after a second release", n)
	}
}

// TestReleaseNudgesAsTasksDo holds what the statement writes against what tasks would.
func TestReleaseNudgesAsTasksDo(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 100*(Places+1))
	exec(t, db, `UPDATE publication SET trace_context = 'made-by'`)
	session := openSession(t, db)
	exec(t, db, `DELETE FROM outbox`)
	b := next(t, db, session, 1)
	if _, err := db.Release(t.Context(), b, 90*time.Second); err != nil {
		t.Fatal(err)
	}
	page, err := db.Outbox(t.Context(), 10)
	if err != nil || len(page) != 2 {
		t.Fatal(page, err)
	}
	for i, id := range []int64{1, Places + 1} {
		want, err := batchTask(channel.Email.ID(), tasks.LaneNormal, id, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := page[i].Task
		if got.ID != want.ID || got.Kind != want.Kind || got.Queue != want.Queue || !bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("%+v, want %+v", got, want)
		}
		if waits := time.Until(got.NotBefore); (id == 1) != (waits > time.Minute) {
			t.Errorf("batch %d waits for %v", id, waits)
		}
		if (id == 1) != (got.TraceParent == "") {
			t.Errorf("batch %d follows from %q", id, got.TraceParent)
		}
	}
}

// A batch that waits lets others go first, up to a bound, and is one more when its time has come.
func TestWaitingBatchesDoNotBlockTheFeed(t *testing.T) {
	t.Parallel()
	db := open(t)
	exec(t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
		VALUES (gen_random_uuid(), 'News', 'announcement', 'normal', 1, 'sending', '{1}', '{"all": true}', '[]', 'test')`)
	total := Places + Beside + 10
	exec(t, db, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place)
		SELECT 1, 1, 1, i, i + 1, 1, CASE WHEN i <= $2 THEN 1 ELSE 0 END FROM generate_series(1, $1::int) i`, total, Places)
	exec(t, db, `INSERT INTO delivery (publication_id, channel_id, recipient_id) SELECT 1, 1, i + 1 FROM generate_series(1, $1::int) i`, total)
	session := openSession(t, db)
	for i := range Beside + 5 {
		var id int64
		var gen int
		scan(t, db, `SELECT id, gen FROM batch WHERE state = 'ready' AND place = 1 ORDER BY id LIMIT 1`, &id, &gen)
		b, err := db.Claim(t.Context(), session, id, gen, i+1)
		if err != nil || b == nil {
			t.Fatal(b, err)
		}
		if _, err := db.Release(t.Context(), b, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM batch WHERE state = 'waiting' AND place = 2`); n != Beside {
		t.Errorf("%d wait beside the places", n)
	}
	if n := value[int](t, db, inPlaces); n != Places {
		t.Errorf("%d batches have places", n)
	}
	exec(t, db, `UPDATE batch SET not_before = now() WHERE place = 2`)
	var id int64
	var gen int
	scan(t, db, `SELECT id, gen FROM batch WHERE place = 2 ORDER BY id LIMIT 1`, &id, &gen)
	b, err := db.Claim(t.Context(), session, id, gen, Beside+10)
	if err != nil || b == nil {
		t.Fatal(b, err)
	}
	settled(t, db, b)
	behind := value[int](t, db, `SELECT count(*)::int FROM batch WHERE place = 0 AND state = 'ready'`)
	if r, err := db.Release(t.Context(), b, 0); err != nil || !r.Done {
		t.Fatal(r, err)
	}
	if after := value[int](t, db, `SELECT count(*)::int FROM batch WHERE place = 0 AND state = 'ready'`); after != behind {
		t.Errorf("one that had no place passed it on: %d behind, then %d", behind, after)
	}
}

// TestFeedFillsWhatStalled: places that nobody passed on are found, of publications that may send and of no others.
func TestFeedFillsWhatStalled(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, p := range []struct {
		id, inPlaces, behind int
		state                string
	}{
		{1, 0, 100, "sending"}, {2, Places, 5, "sending"}, {3, 0, 5, "paused"}, {4, 60, 3, "sending"}, {5, 3, 0, "sending"},
	} {
		exec(t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
			VALUES (gen_random_uuid(), 'News', 'announcement', 'normal', 1, $1, '{1}', '{"all": true}', '[]', 'test')`, p.state)
		exec(t, db, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place)
			SELECT $1, 1 + i % 2, 1, i, i + 1, 1, CASE WHEN i <= 2 * $2 THEN 1 ELSE 0 END FROM generate_series(1, 2 * $3::int) i`,
			p.id, p.inPlaces, p.inPlaces+p.behind)
	}
	n, err := db.Feed(t.Context())
	if want := 2 * (Places + 3); err != nil || n != want {
		t.Errorf("fed %d, %v, want %d", n, err, want)
	}
	fed := value[string](t, db, `SELECT string_agg(publication_id || ':' || channel_id || ':' || n, ' ' ORDER BY publication_id, channel_id)
		FROM (SELECT publication_id, channel_id, count(*) AS n FROM batch WHERE gen = 2 AND place = 1 GROUP BY 1, 2) x`)
	if fed != "1:1:64 1:2:64 4:1:3 4:2:3" {
		t.Errorf("fed %s", fed)
	}
	exec(t, db, `UPDATE batch SET place = 0 WHERE publication_id = 1 AND channel_id = 1 AND gen = 2`)
	pause := delivery.Pause{Scope: "channel:email", Covers: []delivery.ChannelLane{{Channel: 1, Lane: 1}}}
	if err := db.Pause(t.Context(), pause); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Feed(t.Context()); n != 0 || err != nil {
		t.Errorf("fed %d of a paused lane, %v", n, err)
	}
	if err := db.Resume(t.Context(), pause); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Feed(t.Context()); n != Places || err != nil {
		t.Errorf("fed %d once resumed, %v", n, err)
	}
}

// What is behind was never nudged: neither a loss of the queue nor a long wait makes it so.
func TestBehindIsNeitherLostNorOverdue(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 100*(Places+20))
	exec(t, db, `UPDATE batch SET nudged_at = now() - interval '1 hour'`)
	exec(t, db, `DELETE FROM outbox`)
	list, err := db.Overdue(t.Context(), time.Minute, 1000)
	if err != nil || len(list) != Places {
		t.Errorf("%d overdue, %v", len(list), err)
	}
	if err := db.QueueLost(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := db.RenudgeLost(t.Context()); n != Places || err != nil {
		t.Errorf("%d nudged again, %v", n, err)
	}
	exec(t, db, `UPDATE publication SET state = 'paused', started_at = now()`)
	exec(t, db, `DELETE FROM outbox`)
	uid := value[ident.UID](t, db, `SELECT uid FROM publication`)
	if _, err := db.ResumePublication(t.Context(), uid, anyVersion); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM outbox WHERE kind = 'send-email'`); n != Places {
		t.Errorf("%d nudged when resumed", n)
	}
}

// TestFeedProperty lets workers, crashes, pauses and the scheduler do what they may in any order: there are never more
// batches in places than there are places, and what is left when all of that ends is sent.
func TestFeedProperty(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := context.WithoutCancel(t.Context())
	rapid.Check(t, func(rt *rapid.T) {
		for _, table := range []string{"batch", "delivery", "outbox", "publication"} {
			exec(t, db, `DELETE FROM `+table)
		}
		rows := rapid.IntRange(1, 3*Places).Draw(rt, "batches")
		fed := min(rows, rapid.IntRange(0, Places).Draw(rt, "fed"))
		var id int64
		scan(t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, fanout_done)
			VALUES (gen_random_uuid(), 'News', 'announcement', 'normal', 1, 'sending', '{1}', '{"all": true}', '[]', 'test', true) RETURNING id`, &id)
		exec(t, db, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place)
			SELECT $1, 1, 1, i, i + 1, 1, CASE WHEN i <= $2 THEN 1 ELSE 0 END FROM generate_series(1, $3::int) i`, id, fed, rows)
		exec(t, db, `INSERT INTO delivery (publication_id, channel_id, recipient_id) SELECT $1, 1, i + 1 FROM generate_series(1, $2::int) i`, id, rows)
		session, token := openSession(t, db), 0
		step := func(wait time.Duration, settle, crash bool) bool {
			list := value[[]int64](t, db, `SELECT coalesce(array_agg(x), '{}') FROM (SELECT unnest(ARRAY[id, gen]) AS x FROM (
				SELECT id, gen FROM batch WHERE state IN ('ready', 'waiting') AND place > 0 ORDER BY id LIMIT 1) b) y`)
			if len(list) == 0 {
				return false
			}
			token++
			b, err := db.Claim(ctx, session, list[0], int(list[1]), token)
			if err != nil || b == nil {
				return false
			}
			if crash {
				if err := db.CloseSession(ctx, session); err != nil {
					rt.Fatal(err)
				}
				session = openSession(t, db)
				return true
			}
			if settle {
				settled(t, db, b)
			}
			if _, err := db.Release(ctx, b, wait); err != nil {
				rt.Fatal(err)
			}
			exec(t, db, `UPDATE batch SET not_before = NULL`)
			return true
		}
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				if _, err := db.Feed(ctx); err != nil {
					rt.Fatal(err)
				}
			case 1:
				step(time.Second, false, false)
			case 2:
				step(0, false, rapid.Bool().Draw(rt, "crash"))
			default:
				step(0, true, false)
			}
			if n := value[int](t, db, inPlaces); n > Places {
				rt.Fatalf("%d batches in places", n)
			}
		}
		for left := rows + 1; ; left-- {
			fed, err := db.Feed(ctx)
			if err != nil {
				rt.Fatal(err)
			}
			if !step(0, true, false) && fed == 0 {
				break
			}
			if left < 0 {
				rt.Fatal("it does not end")
			}
		}
		if n := value[int](t, db, `SELECT count(*)::int FROM batch WHERE state <> 'done'`); n != 0 {
			rt.Fatalf("%d batches were left", n)
		}
	})
}

// TestFeedOnTablesNeverAnalysed bounds the blocks that feeding touches; see TestStatementsOnTablesNeverAnalysed.
func TestFeedOnTablesNeverAnalysed(t *testing.T) {
	t.Parallel()
	db := open(t)
	asOwner(t, db, `ALTER TABLE batch SET (autovacuum_enabled = off)`)
	id := sending(t, db, 100)
	exec(t, db, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place)
		SELECT $1, 1, 1, i, i + 1, 1, CASE WHEN i < 50 THEN 1 ELSE 0 END FROM generate_series(1, 50000) i`, id)
	session := openSession(t, db)
	b := next(t, db, session, 1)
	settled(t, db, b)
	releasing := []any{b.ID, b.Token, b.Session, id, int16(1), b.Lo, b.Hi, 0.0, "k", "q", 1, int16(1), "", Beside}
	exec(t, db, `UPDATE batch SET place = 2 WHERE hi <= 200 AND id <> $1`, b.ID)
	for _, tc := range []struct {
		name, sql string
		args      []any
		blocks    int
	}{
		{"release", releaseBatch, releasing, 300},
		{"free places", freePlaces, []any{id, int16(1), Places}, 200},
		{"hungry", hungry, []any{Places}, 300},
		{"feed", feedBatches, []any{id, int16(1), 14}, 700},
		{"lost", lostBatches, []any{nudgePage}, 3000},
		{"overdue", overdueBatches, []any{time.Minute, 1000}, 3000},
	} {
		if got := blocksOf(t, db, tc.sql, tc.args); got > tc.blocks {
			t.Errorf("%s touched %d blocks", tc.name, got)
		}
	}
}

// Webhooks that are down wait for hours, each on its own account: however many they are, those that work go first.
func TestWebhooksThatAreDownDoNotBlockTheFeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ channel, passed int }{"webhook": {5, 1}, "slack": {3, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			exec(t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
				VALUES (gen_random_uuid(), 'News', 'announcement', 'normal', 1, 'sending', ARRAY[$1::int], '{"all": true}', '[]', 'test')`, c.channel)
			exec(t, db, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place, state, not_before)
				SELECT 1, $3::int, 1, i, i + 1, 1, CASE WHEN i <= $1 THEN 2 WHEN i <= $2 THEN 1 ELSE 0 END,
				       CASE WHEN i <= $1 THEN 'waiting' ELSE 'ready' END, CASE WHEN i <= $1 THEN now() + interval '10 hours' END
				FROM generate_series(1, $2::int + 1) i`, Beside, Beside+Places, c.channel)
			exec(t, db, `INSERT INTO delivery (publication_id, channel_id, recipient_id) SELECT 1, $2::int, i + 1 FROM generate_series(1, $1::int) i`,
				Beside+Places+1, c.channel)
			b, err := db.Claim(t.Context(), openSession(t, db), Beside+1, value[int](t, db, `SELECT gen FROM batch WHERE id = $1`, Beside+1), 1)
			if err != nil || b == nil {
				t.Fatal(b, err)
			}
			if _, err := db.Release(t.Context(), b, 5*time.Hour); err != nil {
				t.Fatal(err)
			}
			if n := value[int](t, db, `SELECT count(*)::int FROM batch WHERE place = 2`); n != Beside+c.passed {
				t.Errorf("%d wait beside the places", n)
			}
			if n := value[int](t, db, `SELECT count(*)::int FROM batch WHERE place = 0`); n != 1-c.passed {
				t.Errorf("%d are behind", n)
			}
		})
	}
}
