package postgres

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// issueOf publishes one content item of its own, expanded and ready to send.
func issueOf(tb testing.TB, db *DB, audience publication.Audience, more ...channel.Kind) int64 {
	tb.Helper()
	id := queued(tb, db, audience)
	exec(tb, db, `WITH c AS (INSERT INTO content (uid, version) VALUES ($2, 1) RETURNING id)
		UPDATE publication SET contents = jsonb_build_array(jsonb_build_object('id', c.id, 'version', 1)) FROM c WHERE publication.id = $1`,
		id, ident.New())
	fanOut(tb, db, id, 1, more...)
	exec(tb, db, `UPDATE delivery SET choice = '\x00' WHERE publication_id = $1`, id)
	return id
}

// digestHour lets so much time pass that everybody's digest is due.
func digestHour(tb testing.TB, db *DB) {
	tb.Helper()
	exec(tb, db, `UPDATE held SET since = since - interval '8 days', due = now()`)
}

// expandDigests renders and expands the digests that wait for it, as workers do, and returns their publications.
func expandDigests(tb testing.TB, db *DB) []int64 {
	tb.Helper()
	rows, err := db.pool.Query(tb.Context(), `SELECT id FROM publication WHERE type = 'digest' AND state = 'queued' ORDER BY id`)
	if err != nil {
		tb.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		tb.Fatal(err)
	}
	for _, id := range ids {
		if _, err := db.StartRender(tb.Context(), id); err != nil {
			tb.Fatal(err)
		}
		ranges, _, err := db.StartFanout(tb.Context(), publication.Fanout{Publication: id, Lane: 1, Ranges: 1})
		if err != nil {
			tb.Fatal(err)
		}
		expandDigest(tb, db, ranges[0])
	}
	return ids
}

func expandDigest(tb testing.TB, db *DB, r int64) {
	tb.Helper()
	for gen := 1; ; {
		page, err := db.ReadPage(tb.Context(), r, gen)
		if err != nil || page == nil {
			tb.Fatalf("page: %v, %v", page, err)
		}
		choices := column(page.Readers, func(r publication.Reader) []byte { return r.Gathered })
		e, err := db.ExpandPage(tb.Context(), page, page.Publication.Channels, choices, false)
		if err != nil {
			tb.Fatal(err)
		}
		if e.Done {
			return
		}
		gen = e.Gen
	}
}

// received sends every batch that is ready, and returns what each reader got: publications, and those that a digest is of.
func received(tb testing.TB, db *DB) map[int64][]int64 {
	tb.Helper()
	got := make(map[int64][]int64)
	e := delivery.NewEngine(db, delivery.Config{Process: "test", Connections: func(int16) int { return 1 },
		Notice: func(message string, err error) { tb.Logf("%s: %v", message, err) }})
	open := func(_ context.Context, b *delivery.Batch) (delivery.Way, error) {
		return delivery.Way{Send: func(_ context.Context, r *delivery.Recipient) error {
			got[r.ID] = append(got[r.ID], contentsOf(tb, db, b.Publication, r.Choice)...)
			return nil
		}}, nil
	}
	for {
		var batch int64
		var gen int
		if db.pool.QueryRow(tb.Context(), `
			SELECT b.id, b.gen FROM batch b JOIN publication p ON p.id = b.publication_id
			WHERE b.state = 'ready' AND p.state = 'sending' ORDER BY b.id LIMIT 1`).Scan(&batch, &gen) != nil {
			break
		}
		if report, err := e.Run(tb.Context(), batch, gen, open); err != nil || report.Stale {
			tb.Fatalf("%+v, %v", report, err)
		}
	}
	if err := e.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return got
}

// contentsOf are the publications that a message is of: each issue has a content item of its own.
func contentsOf(tb testing.TB, db *DB, id int64, choice []byte) []int64 {
	tb.Helper()
	var list []int64
	for _, n := range choice {
		list = append(list, value[int64](tb, db, `
			SELECT o.id FROM publication p, publication o
			WHERE p.id = $1 AND o.type <> 'digest' AND o.contents -> 0 = p.contents -> $2::integer`, id, n))
	}
	return list
}

// TestDigestPageOfWhoIsNoMore: a page of readers of whom one was removed meanwhile is not the last.
func TestDigestPageOfWhoIsNoMore(t *testing.T) {
	t.Parallel()
	db := open(t)
	const n = publication.PageSize + 2
	subscribers(t, db, n)
	exec(t, db, `UPDATE subscriber SET frequency = 1`)
	issueOf(t, db, publication.Audience{All: true})
	issueOf(t, db, publication.Audience{All: true})
	digestHour(t, db)
	releaseDue(t, db, 1)
	exec(t, db, `DELETE FROM subscriber WHERE id = 7`)
	digest := expandDigests(t, db)
	if got := value[int](t, db, `SELECT count(*)::int FROM delivery WHERE publication_id = $1`, digest[0]); got != n-1 {
		t.Errorf("%d of %d readers are sent to", got, n-1)
	}
}

// TestOneDigest: what was held back comes as one message; what comes alone comes as it is; and both are to be seen.
func TestOneDigest(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 6)
	exec(t, db, `UPDATE subscriber SET frequency = 1 WHERE id <= 4`)
	exec(t, db, `UPDATE subscriber SET frequency = 2 WHERE id = 4`)
	first, second := issueOf(t, db, publication.Audience{All: true}), issueOf(t, db, publication.Audience{Subscribers: []int64{1, 2, 4, 5}})
	if got := received(t, db); len(got) != 2 || len(got[5]) != 2 || len(got[6]) != 1 {
		t.Fatalf("at once: %v", got)
	}
	digestHour(t, db)
	releaseDue(t, db, 2) // one by itself, and the digest
	wantState(t, db, second, publication.Completed)
	got := received(t, db)
	if len(got) != 1 || !slices.Equal(got[3], []int64{first}) {
		t.Errorf("one by itself: %v", got)
	}
	wantState(t, db, first, publication.Completed)
	if all := countsOf(t, db, first).All(); all.Sent != 3 || all.Skipped != 3 || all.Total() != 6 {
		t.Errorf("counts %+v", all)
	}
	digests := expandDigests(t, db)
	if len(digests) != 1 {
		t.Fatalf("%d digests", len(digests))
	}
	got = received(t, db)
	want := []int64{first, second}
	if len(got) != 3 || !slices.Equal(got[1], want) || !slices.Equal(got[2], want) || !slices.Equal(got[4], want) {
		t.Errorf("in the digest: %v", got)
	}
	wantState(t, db, digests[0], publication.Completed)
	releaseDue(t, db, 0)
	account := timelineOf(t, db, publicationUID(t, db, first), value[ident.UID](t, db, `SELECT uid FROM subscriber WHERE id = 1`))
	story := account.Story()
	if account.State != delivery.Skipped || account.Reason != delivery.InDigest || account.Digest != publicationUID(t, db, digests[0]) ||
		len(story) == 0 || story[0].State != delivery.Deferred || story[0].Reason != delivery.Gathered {
		t.Errorf("account %+v, %+v", account, story)
	}
}

// TestDigestsAreSentOnce, by any number of schedulers, and whatever is written of one in one step is written as a whole.
func TestDigestsAreSentOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3000)
	exec(t, db, `UPDATE subscriber SET frequency = 1`)
	for range 2 {
		issueOf(t, db, publication.Audience{All: true})
	}
	digestHour(t, db)
	done := make(chan error, 3)
	for range 3 {
		go func() { _, err := db.ReleaseDue(t.Context()); done <- err }()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if _, err := db.ReleaseDue(t.Context()); err != nil { // what one left to the others
		t.Fatal(err)
	}
	wantHeldConsistent(t, db)
	expandDigests(t, db)
	got := received(t, db)
	for id, list := range got {
		if len(list) != 2 {
			t.Fatalf("%d got %v", id, list)
		}
	}
	if messages := value[int](t, db, `SELECT count(*) FROM delivery d JOIN publication p ON p.id = d.publication_id WHERE p.type = 'digest'`); len(got) != 3000 || messages != 3000 {
		t.Errorf("%d readers got %d messages", len(got), messages)
	}
}

// TestDigestLeavesOut what readers are not to get any more when it goes out.
func TestDigestLeavesOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		items  int
		state  delivery.State
		reason delivery.Reason
	}{
		"left one topic":      {`UPDATE subscriber SET topics = '{1}'`, 1, delivery.Sent, delivery.NoReason},
		"left both":           {`UPDATE subscriber SET topics = '{3}'`, 0, delivery.Skipped, delivery.TopicLeft},
		"unsubscribed":        {`UPDATE subscriber SET status = 'unsubscribed'`, 0, delivery.Skipped, delivery.Unsubscribed},
		"one was cancelled":   {`UPDATE publication SET state = 'cancelled' WHERE id = 1`, 1, delivery.Sent, delivery.NoReason},
		"both were cancelled": {`UPDATE publication SET state = 'cancelled' WHERE id <= 2`, 0, delivery.Skipped, delivery.CancelledByUser},
		"now wants each":      {`UPDATE subscriber SET frequency = 0`, 2, delivery.Sent, delivery.NoReason},
		"now wants it weekly": {`UPDATE subscriber SET frequency = 2`, 2, delivery.Sent, delivery.NoReason},
		"wants no mail":       {`UPDATE subscriber SET channels_off = '{1}'`, 0, delivery.Skipped, delivery.ChannelOffByReader},
		"pauses":              {`UPDATE subscriber SET paused_until = now() + interval '1 day'`, 0, delivery.Deferred, delivery.PausedByReader},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			subscribers(t, db, 1)
			exec(t, db, `UPDATE subscriber SET frequency = 1, topics = '{1,2}'`)
			issueOf(t, db, publication.Audience{Topics: []int32{1}})
			issueOf(t, db, publication.Audience{Topics: []int32{2}})
			digestHour(t, db)
			releaseDue(t, db, 1)
			digest := expandDigests(t, db)[0]
			exec(t, db, c.change)
			if got := received(t, db); len(got[1]) != c.items {
				t.Errorf("got %v", got)
			}
			var state delivery.State
			var reason delivery.Reason
			scan(t, db, fmt.Sprintf(`SELECT state, reason FROM delivery WHERE publication_id = %d`, digest), &state, &reason)
			if state != c.state || reason != c.reason {
				t.Errorf("%s, %s", state, reason)
			}
			wantHeldConsistent(t, db)
		})
	}
}

// TestDigestByAWantedChannel: what would have come by two channels, of which the reader does not want one, comes in a digest by the
// other; whether they said so before it was held back or while it was.
func TestDigestByAWantedChannel(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	exec(t, db, `UPDATE subscriber SET frequency = 1, channels_off = CASE id WHEN 1 THEN ARRAY[1] WHEN 2 THEN ARRAY[2] ELSE ARRAY[]::integer[] END`)
	want := []int64{issueOf(t, db, publication.Audience{All: true}, channel.Newsletter), issueOf(t, db, publication.Audience{All: true}, channel.Newsletter)}
	exec(t, db, `UPDATE subscriber SET channels_off = '{1}' WHERE id = 3`)
	digestHour(t, db)
	if _, err := db.ReleaseDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantHeldConsistent(t, db)
	expandDigests(t, db)
	got := received(t, db)
	for id := int64(1); id <= 3; id++ {
		if !slices.Equal(got[id], want) {
			t.Errorf("%d got %v, not %v", id, got[id], want)
		}
	}
	if off := value[int](t, db, `SELECT count(*) FROM delivery WHERE state = 9 AND reason = $1`, int16(delivery.ChannelOffByReader)); off != 6 {
		t.Errorf("%d are left out since their readers do not want the channel, not two of each", off)
	}
}

// TestFrequencyWhenSent: a reader who wants everything together when the batch is made already gets it together, and one who
// wants each again gets it at once.
func TestFrequencyWhenSent(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 3)
	exec(t, db, `UPDATE subscriber SET frequency = 2 WHERE id = 2`)
	if got := sendAll(t, db); len(got) != 2 || got[2] != 0 {
		t.Fatalf("sent to %v", got)
	}
	wantHeldConsistent(t, db)
	reader := value[ident.UID](t, db, `SELECT uid FROM subscriber WHERE id = 2`)
	if held := timelineOf(t, db, publicationUID(t, db, id), reader); held.State != delivery.Deferred || held.Reason != delivery.Gathered ||
		held.Until == nil || held.Until.Before(time.Now()) {
		t.Errorf("account %+v", held)
	}
	exec(t, db, `UPDATE subscriber SET frequency = 0 WHERE id = 2`)
	if err := db.tx(t.Context(), "release", func(tx pgx.Tx) error { return ReleaseHeld(t.Context(), tx, 2) }); err != nil {
		t.Fatal(err)
	}
	releaseDue(t, db, 1)
	if got := sendAll(t, db); got[2] != 1 {
		t.Errorf("sent to %v", got)
	}
	wantState(t, db, id, publication.Completed)
}

// TestWhatNoDigestShows comes by itself at the digest's time: what has files, and what has nothing that is kept.
func TestWhatNoDigestShows(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"files":             `UPDATE publication SET attachments = '["01890000-0000-7000-8000-000000000000"]' WHERE id = 2`,
		"a deleted content": `UPDATE publication SET contents = '[{"id": 9999, "version": 1}]' WHERE id = 2`,
		"no content":        `UPDATE publication SET contents = '[]' WHERE id = 2`,
		"of another sender": `UPDATE publication SET sender_id = (SELECT id FROM sender_identity) WHERE id = 2`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			subscribers(t, db, 1)
			exec(t, db, `INSERT INTO sender_identity (uid, name, from_name, from_email, postal_address) VALUES ($1, 'a', 'A', 'a@example.org', 'S')`, ident.New())
			exec(t, db, `UPDATE subscriber SET frequency = 1`)
			issueOf(t, db, publication.Audience{All: true})
			issueOf(t, db, publication.Audience{All: true})
			exec(t, db, change)
			digestHour(t, db)
			releaseDue(t, db, 2)
			if got := sendAll(t, db); got[1] != 2 {
				t.Errorf("got %v", got)
			}
			if n := value[int](t, db, `SELECT count(*) FROM digest`); n != 0 {
				t.Errorf("%d digests", n)
			}
		})
	}
}

// TestFullDigest: what there is no room for comes in the next one, and nothing twice.
func TestFullDigest(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 2)
	exec(t, db, `UPDATE subscriber SET frequency = 1`)
	var want []int64
	for range 4 {
		id := issueOf(t, db, publication.Audience{All: true})
		exec(t, db, `UPDATE publication SET contents = (SELECT jsonb_agg(x) FROM (SELECT publication.contents -> 0 AS x FROM generate_series(1, 100)) y) WHERE id = $1`, id)
		want = append(want, id)
	}
	digestHour(t, db)
	got := map[int64][]int64{}
	for range 3 {
		if _, err := db.ReleaseDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantHeldConsistent(t, db)
		expandDigests(t, db)
		for id, list := range received(t, db) {
			got[id] = append(got[id], list...)
		}
	}
	for id, list := range got {
		if slices.Sort(list); !slices.Equal(list, want) {
			t.Errorf("%d got %v, want %v", id, list, want)
		}
	}
	if n := value[int](t, db, `SELECT count(*) FROM digest`); n != 2 || len(got) != 2 {
		t.Errorf("%d digests, %d readers", n, len(got))
	}
}

// TestDigestOfTwoChannels is one message, in which what came by both is shown once.
func TestDigestOfTwoChannels(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 1)
	exec(t, db, `UPDATE subscriber SET frequency = 1`)
	a, b := issueOf(t, db, publication.Audience{All: true}), issueOf(t, db, publication.Audience{All: true})
	exec(t, db, `
		WITH d AS (INSERT INTO delivery (publication_id, channel_id, recipient_id, choice, reason, state)
		           SELECT publication_id, 2, recipient_id, choice, reason, state FROM delivery RETURNING *),
		     b AS (INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, n_deferred, place, state)
		           SELECT publication_id, 2, lane, lo, hi, size, n_deferred, place, state FROM batch)
		INSERT INTO held (publication_id, channel_id, recipient_id, reason, due)
		SELECT publication_id, channel_id, recipient_id, reason, now() FROM d`)
	digestHour(t, db)
	releaseDue(t, db, 1)
	expandDigests(t, db)
	if got := received(t, db); !slices.Equal(got[1], []int64{a, b}) {
		t.Errorf("got %v", got)
	}
	if n := value[int](t, db, `SELECT count(*) FROM delivery WHERE reason = $1`, int16(delivery.InDigest)); n != 4 {
		t.Errorf("%d are in it", n)
	}
}

// TestDigestWithoutReaders goes nowhere: they were erased before it went out.
func TestDigestWithoutReaders(t *testing.T) {
	t.Parallel()
	db := open(t)
	exec(t, db, `INSERT INTO digest (channel_id, sender_id) VALUES (1, 0)`)
	releaseDue(t, db, 0)
	if n := value[int](t, db, `SELECT (SELECT count(*) FROM digest) + (SELECT count(*) FROM publication)`); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// TestEachItemOnce does anything in any order: publishes, lets readers change their minds, lets time pass, releases and sends,
// and dies at any moment between two transactions. In the end each item has come once, alone or in a digest, or one can see why
// not, and nobody got in two messages what belongs into one.
func TestEachItemOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	const readers = 6
	subscribers(t, db, readers)
	rapid.Check(t, func(rt *rapid.T) {
		before := value[int64](t, db, `SELECT coalesce(max(id), 0) FROM publication`)
		exec(t, db, `UPDATE subscriber SET frequency = id % 3, paused_until = NULL, status = 'active'`)
		got := make(map[[2]int64]int)
		note := func() {
			for reader, list := range received(t, db) {
				for _, id := range list {
					got[[2]int64{id, reader}]++
				}
			}
		}
		release := func(*rapid.T) {
			if _, err := db.ReleaseDue(t.Context()); err != nil {
				rt.Fatal(err)
			}
			wantHeldConsistent(t, db)
		}
		reader := rapid.Int64Range(1, readers)
		actions := map[string]func(*rapid.T){
			"publish": func(*rapid.T) { issueOf(t, db, publication.Audience{All: true}) },
			"change": func(rt *rapid.T) {
				exec(t, db, `UPDATE subscriber SET frequency = $2 WHERE id = $1`, reader.Draw(rt, "reader"), rapid.Int16Range(0, 2).Draw(rt, "frequency"))
			},
			"pause": func(rt *rapid.T) {
				exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 hour' WHERE id = $1`, reader.Draw(rt, "pauses"))
			},
			"go on": func(rt *rapid.T) {
				exec(t, db, `UPDATE subscriber SET paused_until = NULL WHERE id = $1`, reader.Draw(rt, "goes on"))
			},
			"time passes": func(*rapid.T) { digestHour(t, db) },
			"release":     release,
			"fill and die": func(rt *rapid.T) { // before the digest is a publication
				for _, id := range due(t, db) {
					page := duePage{publication: id, after: -1 << 63}
					if err := db.tx(t.Context(), "look", func(tx pgx.Tx) error { return db.releasePage(t.Context(), tx, &page) }); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"expand": func(*rapid.T) { expandDigests(t, db) },
			"send":   func(*rapid.T) { note() },
		}
		rt.Repeat(actions)
		exec(t, db, `UPDATE subscriber SET paused_until = NULL`)
		for range 3 {
			digestHour(t, db)
			release(rt)
			expandDigests(t, db)
			note()
		}
		wantEachOnce(t, rt, db, before, readers, got)
	})
}

// wantEachOnce: all publications since one are completed, and each reader got each once.
func wantEachOnce(t *testing.T, rt *rapid.T, db *DB, before int64, readers int, got map[[2]int64]int) {
	t.Helper()
	if err := db.AdvanceOpen(t.Context()); err != nil {
		rt.Fatal(err)
	}
	if n := value[int](t, db, `SELECT count(*) FROM publication WHERE state <> 'completed' AND id > $1`, before); n != 0 {
		rt.Fatalf("%d publications are not completed", n)
	}
	issues := value[int](t, db, `SELECT count(*) FROM publication WHERE type <> 'digest' AND id > $1`, before)
	for who, n := range got {
		if n != 1 {
			rt.Fatalf("%v came %d times", who, n)
		}
	}
	if len(got) != issues*readers {
		rt.Fatalf("%d of %d came: %v", len(got), issues*readers, slices.Collect(maps.Keys(got)))
	}
}

func due(tb testing.TB, db *DB) []int64 {
	tb.Helper()
	rows, err := db.pool.Query(tb.Context(), duePublications)
	if err != nil {
		tb.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		tb.Fatal(err)
	}
	return ids
}

// TestDigestPages: a digest of any length is read by two statements a page, and every reader finds what is theirs in it.
func TestDigestPages(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 2500) // three pages
	exec(t, db, `UPDATE subscriber SET frequency = 1`)
	exec(t, db, `INSERT INTO topic (id, uid, slug, name) OVERRIDING SYSTEM VALUE VALUES (1, $1, 'zoo', 'Zoo'), (2, $2, 'art', 'Art')`, ident.New(), ident.New())
	exec(t, db, `UPDATE subscriber SET topics = '{1,2}'`)
	zoo, art, all := issueOf(t, db, publication.Audience{Topics: []int32{1}}), issueOf(t, db, publication.Audience{Topics: []int32{2}}),
		issueOf(t, db, publication.Audience{All: true})
	digestHour(t, db)
	if _, err := db.ReleaseDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	expandDigests(t, db)
	var odd int
	scan(t, db, `SELECT count(*) FROM delivery d JOIN publication p ON p.id = d.publication_id WHERE p.type = 'digest' AND length(d.choice) <> 3`, &odd)
	if odd != 0 {
		t.Errorf("%d have not three items", odd)
	}
	choice := value[[]byte](t, db, `SELECT d.choice FROM delivery d JOIN publication p ON p.id = d.publication_id WHERE p.type = 'digest' LIMIT 1`)
	if want := []int64{all, art, zoo}; !slices.Equal(contentsOf(t, db, value[int64](t, db, `SELECT id FROM publication WHERE type = 'digest'`), choice), want) || bytes.Equal(choice, []byte{0, 1, 2}) {
		t.Errorf("they come in the order %v, not by topic", choice)
	}
}

// TestDigestIsEstimated: a digest that waits to go out is work for its readers, not for everybody.
func TestDigestIsEstimated(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 900)
	exec(t, db, `UPDATE subscriber SET frequency = 1 WHERE id <= 70`)
	for range 2 {
		issueOf(t, db, publication.Audience{All: true})
	}
	received(t, db)
	digestHour(t, db)
	releaseDue(t, db, 1)
	var unexpanded float64
	load, err := NewCapacity(db).Load(t.Context(), time.Minute)
	for _, w := range load.Work {
		if w.State == capacity.Unexpanded {
			unexpanded += w.Units
		}
	}
	if err != nil || unexpanded != 70 {
		t.Errorf("%+v, %v: %v messages are to come, want 70", load.Work, err, unexpanded)
	}
}

// TestOwnDigestTemplate is pinned, at the version of the moment, for the channel that it is for; without one the built-in one is taken.
func TestOwnDigestTemplate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		template, channel string
		want              map[string]publication.Pin
	}{
		"none":               {"", "email", map[string]publication.Pin{}},
		"ours":               {"Ours", "email", map[string]publication.Pin{"email": {ID: 1, Version: 3}}},
		"of another channel": {"Ours", "newsletter", map[string]publication.Pin{}},
		"deleted since":      {"Gone", "email", map[string]publication.Pin{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			subscribers(t, db, 1)
			exec(t, db, `UPDATE subscriber SET frequency = 1`)
			exec(t, db, `INSERT INTO template (id, uid, name, channel, version) OVERRIDING SYSTEM VALUE VALUES (1, $1, 'Ours', $2, 3)`, ident.New(), c.channel)
			exec(t, db, `UPDATE delivery_policy SET digest_template = $1`, c.template)
			for range 2 {
				issueOf(t, db, publication.Audience{All: true})
			}
			digestHour(t, db)
			releaseDue(t, db, 1)
			pins := value[map[string]publication.Pin](t, db, `SELECT templates FROM publication WHERE type = 'digest'`)
			if !maps.Equal(pins, c.want) {
				t.Errorf("pinned %v, want %v", pins, c.want)
			}
		})
	}
}
