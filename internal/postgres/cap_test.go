package postgres

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
)

// capTo lets readers have so many messages a day.
func capTo(tb testing.TB, db *DB, limit int, more ...eligibility.Cap) {
	tb.Helper()
	p := eligibility.Policy{Caps: append([]eligibility.Cap{{Limit: limit, Window: 24 * time.Hour}}, more...)}
	if _, err := db.ChangeDeliveryPolicy(tb.Context(), p, anyVersion); err != nil {
		tb.Fatal(err)
	}
}

// published is a publication to everybody, expanded and sent to whom it may be.
func published(tb testing.TB, db *DB, audience publication.Audience) (id int64, got map[int64]int) {
	tb.Helper()
	id = queued(tb, db, audience)
	fanOut(tb, db, id, 1)
	wantHeldConsistent(tb, db)
	return id, sendAll(tb, db)
}

func TestCapHoldsTheNext(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	capTo(t, db, 2)
	everybody := publication.Audience{All: true}
	for range 2 {
		if id, got := published(t, db, everybody); len(got) != 3 {
			t.Fatalf("sent to %v", got)
		} else {
			wantState(t, db, id, publication.Completed)
		}
	}
	third, got := published(t, db, everybody)
	if len(got) != 0 {
		t.Fatalf("sent to %v", got)
	}
	wantState(t, db, third, publication.Sending)
	var late int
	scan(t, db, `
		SELECT count(*) FROM held h WHERE h.reason = 21 AND h.due <> (SELECT min(d.settled_at) + interval '1 day' FROM delivery d
		    WHERE d.recipient_id = h.recipient_id AND d.state = 2)`, &late)
	if n := value[int](t, db, `SELECT count(*) FROM held WHERE reason = $1`, int16(delivery.FrequencyCap)); n != 3 || late != 0 {
		t.Errorf("%d are held, %d not until the oldest leaves the day", n, late)
	}
	// Critical and transactional mail passes, and is not counted.
	for _, urgent := range []string{`priority = 'critical'`, `type = 'transactional'`} {
		id := queued(t, db, everybody)
		exec(t, db, `UPDATE publication SET `+urgent+` WHERE id = $1`, id)
		fanOut(t, db, id, 1)
		if got := sendAll(t, db); len(got) != 3 {
			t.Errorf("%s: sent to %v", urgent, got)
		}
	}
	if noted := value[int](t, db, `SELECT count(*) FROM reach`); noted != 3 {
		t.Errorf("%d publications are noted as counting", noted)
	}
	// A day later one of the two has left the window, and the fourth publication waits for the third.
	fourth, _ := published(t, db, everybody)
	exec(t, db, `UPDATE delivery SET settled_at = settled_at - interval '1 day' WHERE publication_id = 1`)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 3)
	if got := sendAll(t, db); len(got) != 3 {
		t.Errorf("sent to %v", got)
	}
	wantState(t, db, third, publication.Completed)
	wantState(t, db, fourth, publication.Sending)
	// Without the cap everything goes.
	if _, err := db.ChangeDeliveryPolicy(t.Context(), eligibility.Policy{}, anyVersion); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 3)
	sendAll(t, db)
	wantState(t, db, fourth, publication.Completed)
}

// TestCapCountsWhatReachedSomebody: what failed, was returned or skipped leaves room; what is uncertain does not.
func TestCapCountsWhatReachedSomebody(t *testing.T) {
	t.Parallel()
	for state, counted := range map[delivery.State]bool{
		delivery.Pending: true, delivery.Deferred: false, delivery.Sent: true, delivery.Delivered: true, delivery.Bounced: false, delivery.Complained: true,
		delivery.Failed: false, delivery.Uncertain: true, delivery.Suppressed: false, delivery.Skipped: false,
	} {
		db := open(t)
		subscribers(t, db, 1)
		first := queued(t, db, publication.Audience{All: true})
		fanOut(t, db, first, 1)
		exec(t, db, `UPDATE delivery SET state = $1, settled_at = CASE WHEN $1::smallint > 1 THEN now() END`, int16(state))
		capTo(t, db, 1)
		second := queued(t, db, publication.Audience{All: true})
		fanOut(t, db, second, 1)
		if held := value[int](t, db, `SELECT count(*) FROM held WHERE publication_id = $1`, second) == 1; held != counted {
			t.Errorf("%s: held %v", state, held)
		}
	}
}

// TestCapOfATopic counts, and holds, what is for the topic.
func TestCapOfATopic(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	exec(t, db, `UPDATE subscriber SET topics = '{1,2}'`)
	exec(t, db, `INSERT INTO topic (uid, slug, name) VALUES (gen_random_uuid(), 'a', 'A'), (gen_random_uuid(), 'b', 'B')`)
	capTo(t, db, 100, eligibility.Cap{Slug: "a", Limit: 1, Window: time.Hour})
	a, b, everybody := publication.Audience{Topics: []int32{1}}, publication.Audience{Topics: []int32{2}}, publication.Audience{All: true}
	for i, c := range []struct {
		audience publication.Audience
		sent     int
	}{{everybody, 3}, {b, 3}, {a, 3}, {a, 0}, {b, 3}, {publication.Audience{Topics: []int32{1, 2}}, 0}, {everybody, 3}} {
		if _, got := published(t, db, c.audience); len(got) != c.sent {
			t.Errorf("publication %d: sent to %v, want %d", i+1, got, c.sent)
		}
	}
}

// TestEachCapCountsItsOwn: what is of another topic leaves room in a topic's cap, though it counts for that of everything.
func TestEachCapCountsItsOwn(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	exec(t, db, `UPDATE subscriber SET topics = '{1,2}'`)
	exec(t, db, `INSERT INTO topic (uid, slug, name) VALUES (gen_random_uuid(), 'a', 'A'), (gen_random_uuid(), 'b', 'B')`)
	capTo(t, db, 3, eligibility.Cap{Slug: "a", Limit: 1, Window: time.Hour})
	a, b := publication.Audience{Topics: []int32{1}}, publication.Audience{Topics: []int32{2}}
	for i, c := range []struct {
		audience publication.Audience
		sent     int
	}{{b, 3}, {a, 3}, {a, 0}, {b, 3}, {b, 0}} {
		if _, got := published(t, db, c.audience); len(got) != c.sent {
			t.Errorf("publication %d: sent to %v, want %d", i+1, got, c.sent)
		}
	}
}

// TestCapsTogether: of several that hold somebody back, it is that which does so for longest, in whatever order they are.
func TestCapsTogether(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]eligibility.Policy{
		"the first": {Caps: []eligibility.Cap{{Limit: 1, Window: 24 * time.Hour}, {Limit: 1, Window: time.Hour}}},
		"the last":  {Caps: []eligibility.Cap{{Limit: 1, Window: time.Hour}, {Limit: 1, Window: 24 * time.Hour}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			subscribers(t, db, 2)
			if stored, err := db.ChangeDeliveryPolicy(t.Context(), p, anyVersion); err != nil || !slices.Equal(stored.Caps, p.Caps) {
				t.Fatalf("%+v, %v", stored, err)
			}
			for _, want := range []int{2, 0} {
				if _, got := published(t, db, publication.Audience{All: true}); len(got) != want {
					t.Errorf("sent to %v, want %d", got, want)
				}
			}
			if n := value[int](t, db, `SELECT count(*) FROM held WHERE due > now() + interval '23 hours'`); n != 2 {
				t.Errorf("%d are held for a day", n)
			}
			// What went 23 hours ago, and was all there is of its publication, is counted by the longer one alone.
			exec(t, db, `UPDATE delivery SET settled_at = settled_at - interval '23 hours' WHERE state = 2`)
			exec(t, db, `UPDATE publication SET completed_at = now() - interval '23 hours' WHERE id = 1`)
			exec(t, db, `UPDATE held SET due = now()`)
			releaseDue(t, db, 0)
		})
	}
}

// TestCapOfNoTopic: the cap of a topic that is no more holds for nothing, least of all for everything.
func TestCapOfNoTopic(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	exec(t, db, `INSERT INTO topic (uid, slug, name) VALUES (gen_random_uuid(), 'a', 'A')`)
	capTo(t, db, 100, eligibility.Cap{Slug: "a", Limit: 1, Window: time.Hour})
	exec(t, db, `DELETE FROM topic`)
	for range 2 {
		if _, got := published(t, db, publication.Audience{All: true}); len(got) != 3 {
			t.Errorf("sent to %v", got)
		}
	}
	if p, err := db.DeliveryPolicy(t.Context()); err != nil || len(p.Caps) != 1 || p.Caps[0].Limit != 100 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestCapOnTwoChannels: a message by e-mail and one by newsletter are two.
func TestCapOnTwoChannels(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 4)
	capTo(t, db, 1)
	id := queued(t, db, publication.Audience{All: true})
	expandOn(t, db, id, channel.Email.ID(), channel.Newsletter.ID())
	wantHeldConsistent(t, db)
	if got := sendAll(t, db); len(got) != 4 || value[int](t, db, `SELECT count(*) FROM held WHERE channel_id = 2`) != 4 {
		t.Errorf("sent to %v", got)
	}
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 0)
	// Both are due at once, and one of the two may go.
	exec(t, db, `UPDATE delivery SET state = 1, reason = 21, settled_at = NULL`)
	exec(t, db, `INSERT INTO held SELECT publication_id, channel_id, recipient_id, 21, now() FROM delivery ON CONFLICT DO NOTHING`)
	exec(t, db, `UPDATE batch SET n_deferred = size, n_sent = 0`)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 4)
}

// TestCapHasRoomForOne: of two messages that are due at once goes one, to whoever got one less than they may.
func TestCapHasRoomForOne(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 4)
	capTo(t, db, 2)
	if _, got := published(t, db, publication.Audience{All: true}); len(got) != 4 {
		t.Fatalf("sent to %v", got)
	}
	id := queued(t, db, publication.Audience{All: true})
	expandOn(t, db, id, channel.Email.ID(), channel.Newsletter.ID())
	exec(t, db, `UPDATE delivery SET state = 1, reason = 21 WHERE publication_id = $1`, id)
	exec(t, db, `INSERT INTO held SELECT publication_id, channel_id, recipient_id, 21, now() FROM delivery WHERE publication_id = $1 ON CONFLICT DO NOTHING`, id)
	exec(t, db, `UPDATE batch SET n_deferred = size WHERE publication_id = $1`, id)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 4)
}

// TestCapIsNeverExceeded: several publications expand and are released at the same time, to readers whose ids are close or far
// apart, and nobody is owed or has got more than the cap allows.
func TestCapIsNeverExceeded(t *testing.T) {
	t.Parallel()
	db := open(t)
	const readers, publications = 30, 4
	subscribers(t, db, readers)
	rapid.Check(t, func(rt *rapid.T) {
		before := value[int64](t, db, `SELECT coalesce(max(id), 0) FROM publication`)
		limit := rapid.IntRange(1, 2*publications).Draw(rt, "limit")
		most := min(limit, publications)
		capTo(t, db, limit)
		// What earlier rounds sent has left the window, and their held ones are gone.
		exec(t, db, `UPDATE delivery SET settled_at = settled_at - interval '2 days'`)
		exec(t, db, `DELETE FROM held`)
		exec(t, db, `UPDATE publication SET state = 'cancelled', completed_at = now() WHERE state = 'sending'`)
		exec(t, db, `UPDATE delivery SET state = 9, settled_at = now() WHERE state < 2`)
		var ids []int64
		for range publications {
			ids = append(ids, queued(t, db, publication.Audience{All: true}))
		}
		some := rapid.IntRange(1, 2).Draw(rt, "ranges")
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() { fanOut(t, db, id, some) })
		}
		wg.Wait()
		check := func(when string) {
			if n := value[int](t, db, `
				SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM delivery WHERE publication_id > $1
				    AND state IN (0, 2) GROUP BY recipient_id) x`, before); n != most {
				rt.Fatalf("%s somebody is owed %d, the cap is %d", when, n, limit)
			}
		}
		check("after expansion")
		exec(t, db, `UPDATE held SET due = now()`)
		for range 3 {
			wg.Go(func() {
				if _, err := db.ReleaseDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		check("after release")
		if total := value[int](t, db, `SELECT count(*) FROM delivery WHERE publication_id > $1 AND state = 0`, before); total != most*readers {
			rt.Fatalf("%d are owed, and %d could be", total, most*readers)
		}
		exec(t, db, `UPDATE delivery SET state = 2, settled_at = now() WHERE state = 0`)
		exec(t, db, `UPDATE held SET due = now()`)
		if n, err := db.ReleaseDue(t.Context()); err != nil || n != 0 {
			rt.Fatalf("%d released, %v", n, err)
		}
	})
}

// TestCapCountsWhatIsWanted: of what comes by two channels one is within a cap of one, and it is that which the reader wants: at once,
// and when it was held before.
func TestCapCountsWhatIsWanted(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]bool{"at once": false, "when it is due": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			subscribers(t, db, 3)
			capTo(t, db, 1)
			exec(t, db, `UPDATE subscriber SET channels_off = CASE id WHEN 2 THEN ARRAY[1] WHEN 3 THEN ARRAY[2] ELSE ARRAY[]::integer[] END`)
			if held {
				exec(t, db, quietNow)
			}
			id := queued(t, db, publication.Audience{All: true})
			fanOut(t, db, id, 1, channel.Newsletter)
			if held {
				exec(t, db, `UPDATE delivery_policy SET quiet_from = NULL, quiet_to = NULL`)
				exec(t, db, `UPDATE held SET due = now()`)
				releaseDue(t, db, 5)
			}
			if got := sendAll(t, db); len(got) != 3 || got[1]+got[2]+got[3] != 3 {
				t.Errorf("sent to %v", got)
			}
			if n := value[int](t, db, `SELECT count(*) FROM held WHERE recipient_id = 1 AND reason = $1`, int16(delivery.FrequencyCap)); n != 1 {
				t.Errorf("of who wants both, %d are held", n)
			}
			if n := value[int](t, db, `SELECT count(*) FROM held`); n != 1 {
				t.Errorf("%d are held", n)
			}
		})
	}
}

// TestCapsLockReaders: who decides about the same readers waits, and nobody else does: neither another range of an audience nor a
// page of readers who are far apart, if their locks are others.
func TestCapsLockReaders(t *testing.T) {
	t.Parallel()
	db := open(t)
	hold := func(ids ...int64) (free func(ids ...int64) bool) {
		tx, err := db.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
		exec := func(sql string, args ...any) error { _, err := tx.Exec(t.Context(), sql, args...); return err }
		if err := exec(lockReaders, capLocks, ids); err != nil {
			t.Fatal(err)
		}
		return func(ids ...int64) bool {
			err := db.tx(t.Context(), "lock readers", func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), `SET LOCAL lock_timeout = '1ms'`); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), lockReaders, capLocks, ids)
				return err
			})
			if err != nil && !waited(err) {
				t.Fatal(err)
			}
			return err == nil
		}
	}
	free := hold(1, 2000, 90_000)
	for _, c := range []struct {
		ids  []int64
		free bool
	}{
		{[]int64{1}, false}, {[]int64{4095}, false}, {[]int64{4096}, true}, {[]int64{25_000, 27_000}, true}, {[]int64{50_000, 90_100}, false},
		{[]int64{128 * 4096}, false}, {[]int64{129 * 4096, 130 * 4096}, true},
	} {
		if got := free(c.ids...); got != c.free {
			t.Errorf("%v are free: %v", c.ids, got)
		}
	}
}

// TestCapsLockReadersInOrder, so that nobody waits in a circle: who waits for the last of all locks has all before it.
func TestCapsLockReadersInOrder(t *testing.T) {
	t.Parallel()
	db := open(t)
	var ids []int64
	for block := range int64(128) {
		ids = append(ids, (127-block)<<12)
	}
	tx := begin(t, db)
	if _, err := tx.Exec(t.Context(), lockReaders, capLocks, ids[:1]); err != nil {
		t.Fatal(err)
	}
	ctx, done := context.WithoutCancel(t.Context()), make(chan error, 1)
	go func() {
		done <- db.tx(ctx, "lock readers", func(tx pgx.Tx) error { _, err := tx.Exec(ctx, lockReaders, capLocks, ids); return err })
	}()
	waitForLock(t, db)
	held := value[int](t, db, `SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = $1 AND l.granted AND l.pid = (
		    SELECT w.pid FROM pg_locks w WHERE w.database = l.database AND w.locktype = 'advisory' AND w.classid = $1 AND NOT w.granted)`, capLocks)
	commit(t, tx)
	if err := <-done; err != nil || held != 127 {
		t.Errorf("it had %d locks, %v", held, err)
	}
}

// TestCapReadsFarApart: readers on a look-up for each are counted like those of a range.
func TestCapReadsFarApart(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 500)
	capTo(t, db, 2)
	few := publication.Audience{Subscribers: []int64{1, 250, 500}}
	for range 2 {
		if _, got := published(t, db, few); len(got) != 3 {
			t.Fatalf("sent to %v", got)
		}
	}
	if _, got := published(t, db, few); len(got) != 0 {
		t.Fatalf("sent to %v", got)
	}
	if _, got := published(t, db, publication.Audience{All: true}); len(got) != 497 {
		t.Fatalf("sent to %d", len(got))
	}
}
