package postgres

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
)

// quietNow makes the hours around now quiet for readers in UTC.
const quietNow = `
UPDATE delivery_policy SET (quiet_from, quiet_to) = (
    SELECT (m + 1320) % 1440, (m + 120) % 1440
    FROM (SELECT (extract(hour FROM now()) * 60 + extract(minute FROM now()))::smallint AS m) x)`

// sendAll sends every batch that is ready, as workers do, and returns how many messages each recipient got.
func sendAll(tb testing.TB, db *DB) map[int64]int {
	tb.Helper()
	got := make(map[int64]int)
	e := delivery.NewEngine(db, delivery.Config{Process: "test", Connections: func(int16) int { return 1 },
		Notice: func(message string, err error) { tb.Logf("%s: %v", message, err) }})
	open := func(context.Context, *delivery.Batch) (delivery.Way, error) {
		return delivery.Way{Send: func(_ context.Context, r *delivery.Recipient) error { got[r.ID]++; return nil }}, nil
	}
	for {
		var batch int64
		var gen int
		err := db.pool.QueryRow(tb.Context(), `
			SELECT b.id, b.gen FROM batch b JOIN publication p ON p.id = b.publication_id
			WHERE b.state = 'ready' AND p.state = 'sending' ORDER BY b.id LIMIT 1`).Scan(&batch, &gen)
		if err != nil {
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

// wantHeldConsistent: exactly the deferred rows have a row in held, with the same reason, and batches count them.
func wantHeldConsistent(tb testing.TB, db *DB) {
	tb.Helper()
	var odd, miscounted int
	scan(tb, db, `
		SELECT count(*) FROM (SELECT * FROM delivery WHERE state = 1) d
		FULL JOIN held h USING (publication_id, channel_id, recipient_id)
		WHERE d.state IS NULL OR h.due IS NULL OR d.reason <> h.reason`, &odd)
	scan(tb, db, `
		SELECT count(*) FROM batch b, LATERAL (
		    SELECT count(*) FILTER (WHERE d.state = 1) AS deferred, count(*) AS size FROM delivery d
		    WHERE d.publication_id = b.publication_id AND d.channel_id = b.channel_id AND d.recipient_id > b.lo AND d.recipient_id <= b.hi) c
		WHERE b.state IN ('done', 'stopped') AND (b.n_deferred <> c.deferred OR b.size <> c.size)`,
		&miscounted)
	if odd > 0 || miscounted > 0 {
		tb.Fatalf("%d deliveries are deferred or held, and not both; %d batches are miscounted", odd, miscounted)
	}
	wantCountedAsLedger(tb, db)
}

// wantCountedAsLedger: of every publication as many are said to be put off, by channel and reason, as are in the ledger.
func wantCountedAsLedger(tb testing.TB, db *DB) {
	tb.Helper()
	rows, err := db.pool.Query(tb.Context(), `
		SELECT p.uid, jsonb_object_agg(d.channel_id || ' ' || d.reason, d.n)
		FROM (SELECT publication_id, channel_id, reason, count(*) AS n FROM delivery WHERE state = 1 GROUP BY 1, 2, 3) d
		JOIN publication p ON p.id = d.publication_id GROUP BY 1`)
	if err != nil {
		tb.Fatal(err)
	}
	type counted struct {
		UID  ident.UID
		Want map[string]int64
	}
	ledger, err := pgx.CollectRows(rows, pgx.RowToStructByPos[counted])
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range ledger {
		list, err := db.CountDeferred(tb.Context(), p.UID)
		got := make(map[string]int64)
		for _, n := range list {
			got[fmt.Sprint(n.Channel, " ", int16(n.Reason))] = n.Count
		}
		if err != nil || !maps.Equal(got, p.Want) {
			tb.Fatalf("counted %v, %v; the ledger has %v", got, err, p.Want)
		}
	}
}

func releaseDue(tb testing.TB, db *DB, want int) {
	tb.Helper()
	if n, err := db.ReleaseDue(tb.Context()); err != nil || n != want {
		tb.Fatalf("%d released, %v; want %d", n, err, want)
	}
	wantHeldConsistent(tb, db)
}

func wantState(tb testing.TB, db *DB, id int64, want publication.State) {
	tb.Helper()
	if err := db.AdvanceOpen(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if got := value[string](tb, db, `SELECT state FROM publication WHERE id = $1`, id); got != string(want) {
		tb.Fatalf("%s, want %s", got, want)
	}
}

func countsOf(tb testing.TB, db *DB, id int64) publication.Progress {
	tb.Helper()
	p, err := db.PublicationProgress(tb.Context(), publicationUID(tb, db, id))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TestHeldBackWhenExpanded: some readers are held from the start, and everybody is sent to once, in the end.
func TestHeldBackWhenExpanded(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 450) // batches of 200
	exec(t, db, quietNow)
	exec(t, db, `UPDATE subscriber SET timezone = 'Etc/GMT+12' WHERE id > 200 AND id <= 300`) // by day
	id := queued(t, db, publication.Audience{All: true})
	fanOut(t, db, id, 1)
	wantHeldConsistent(t, db)
	if n := value[int](t, db, `SELECT count(*) FROM outbox WHERE kind = 'send-email'`); n != 1 {
		t.Errorf("%d nudges, want that of the batch that owes somebody something", n)
	}
	before := countsOf(t, db, id)
	if before.NextDue == nil || before.All().Deferred != 350 || before.All().Pending != 100 || before.All().Total() != 450 {
		t.Errorf("progress %+v", before)
	}
	if got := sendAll(t, db); len(got) != 100 {
		t.Errorf("%d sent to, want 100", len(got))
	}
	wantState(t, db, id, publication.Sending)
	releaseDue(t, db, 0)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 0) // it is quiet still
	if n := value[int](t, db, `SELECT count(*) FROM held WHERE due > now()`); n != 350 {
		t.Errorf("%d are put off anew", n)
	}
	exec(t, db, `UPDATE delivery_policy SET quiet_from = NULL, quiet_to = NULL`)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 350)
	if got := sendAll(t, db); len(got) != 350 || slices.Max(slices.Collect(maps.Values(got))) != 1 {
		t.Errorf("%d sent to, want 350, once", len(got))
	}
	wantState(t, db, id, publication.Completed)
	if after := countsOf(t, db, id); after.NextDue != nil || after.All().Sent != 450 || after.All().Deferred != 0 {
		t.Errorf("progress %+v", after)
	}
}

// TestHeldBackWhenSent: a reader pauses when the batch is made already, and the timeline says what happened.
func TestHeldBackWhenSent(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 3)
	uid, reader := publicationUID(t, db, id), value[ident.UID](t, db, `SELECT uid FROM subscriber WHERE id = 2`)
	until := time.Now().Add(24 * time.Hour).Truncate(time.Second)
	exec(t, db, `UPDATE subscriber SET paused_until = $1 WHERE id = 2`, until)
	if got := sendAll(t, db); len(got) != 2 || got[2] != 0 {
		t.Fatalf("sent to %v", got)
	}
	wantHeldConsistent(t, db)
	wantState(t, db, id, publication.Sending)
	held := timelineOf(t, db, uid, reader)
	if held.State != delivery.Deferred || held.Reason != delivery.PausedByReader || held.Until == nil || !held.Until.Equal(until) {
		t.Errorf("account %+v", held)
	}
	found, err := db.Recipients(t.Context(), uid, delivery.Find{States: []delivery.State{delivery.Deferred}, Limit: 5})
	if err != nil || len(found.Entries) != 1 || found.Entries[0].Until == nil || !found.Entries[0].Until.Equal(until) {
		t.Errorf("list %+v, %v", found, err)
	}
	// The reader ends the pause, which has what was held looked at at once.
	exec(t, db, `UPDATE subscriber SET paused_until = NULL WHERE id = 2`)
	if err := db.tx(t.Context(), "release", func(tx pgx.Tx) error { return ReleaseHeld(t.Context(), tx, 2) }); err != nil {
		t.Fatal(err)
	}
	releaseDue(t, db, 1)
	if got := sendAll(t, db); len(got) != 1 || got[2] != 1 {
		t.Fatalf("sent to %v", got)
	}
	wantState(t, db, id, publication.Completed)
	story := timelineOf(t, db, uid, reader).Story()
	if len(story) != 2 || story[0].State != delivery.Deferred || story[0].Reason != delivery.PausedByReader || story[0].Number != 0 ||
		story[1].State != delivery.Sent || story[1].Number != 1 || story[1].At.Before(story[0].At) {
		t.Errorf("story %+v", story)
	}
}

// TestHeldWhoMove: who moves to where the day has begun is looked at again at once, however they are changed.
func TestHeldWhoMove(t *testing.T) {
	t.Parallel()
	db := open(t)
	exec(t, db, quietNow)
	sending(t, db, 3)
	if got := sendAll(t, db); len(got) != 0 {
		t.Fatalf("sent to %v", got)
	}
	uids := value[[]ident.UID](t, db, `SELECT array_agg(uid ORDER BY id) FROM subscriber`)
	move := func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: s.Email, Name: s.Name, Language: s.Language, Timezone: "Etc/GMT+12", Topics: s.Topics})
	}
	if _, err := db.UpdateSubscriber(t.Context(), uids[0], move); err != nil {
		t.Fatal(err)
	}
	email := value[string](t, db, `SELECT email FROM subscriber WHERE id = 2`)
	items := []subscriber.Item{{Action: bulk.Update, UID: uids[1], Email: email, Change: move}}
	if r, err := db.BulkSubscribers(t.Context(), call(bulk.AllOrNothing), items); err != nil || !r.Done {
		t.Fatalf("%+v, %v", r, err)
	}
	releaseDue(t, db, 2)
	if got := sendAll(t, db); len(got) != 2 || got[3] != 0 {
		t.Errorf("sent to %v", got)
	}
}

func timelineOf(tb testing.TB, db *DB, publicationID, reader ident.UID) delivery.Account {
	tb.Helper()
	line, err := db.Timeline(tb.Context(), publicationID, reader)
	if err != nil || len(line.Deliveries) != 1 {
		tb.Fatalf("timeline %+v, %v", line, err)
	}
	return line.Deliveries[0]
}

// TestHeldIsNoConsent: whoever unsubscribes, leaves the topic, is suppressed or deleted while something is held never gets it,
// and is waited for no longer.
func TestHeldIsNoConsent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, db *DB)
		state  delivery.State
		reason delivery.Reason
	}{
		"unsubscribed": {func(t *testing.T, db *DB) {
			if err := db.Unsubscribe(t.Context(), publication.Unsubscription{Publication: 1, Channel: 1, Subscriber: 1}); err != nil {
				t.Fatal(err)
			}
		}, delivery.Skipped, delivery.Unsubscribed},
		"left the topic": {func(t *testing.T, db *DB) {
			if err := db.Unsubscribe(t.Context(), publication.Unsubscription{Publication: 1, Channel: 1, Subscriber: 1, Topics: []int32{2}}); err != nil {
				t.Fatal(err)
			}
			exec(t, db, `UPDATE subscriber SET paused_until = NULL`)
		}, delivery.Skipped, delivery.TopicLeft},
		"deleted": {func(t *testing.T, db *DB) {
			if err := db.DeleteSubscriber(t.Context(), value[ident.UID](t, db, `SELECT uid FROM subscriber`), func(subscriber.Subscriber) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}, delivery.Skipped, delivery.Unsubscribed},
		"suppressed": {func(t *testing.T, db *DB) {
			exec(t, db, `INSERT INTO suppression (uid, hash, reason, source) VALUES (gen_random_uuid(), 'h', 2, 'test')`)
			exec(t, db, `UPDATE subscriber SET suppression_id = (SELECT id FROM suppression)`)
			exec(t, db, `UPDATE held SET due = now()`)
		}, delivery.Suppressed, delivery.SuppressedComplaint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			subscribers(t, db, 1)
			exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day'`)
			id := queued(t, db, publication.Audience{Topics: []int32{2}})
			fanOut(t, db, id, 1)
			c.change(t, db)
			releaseDue(t, db, 1)
			if got := sendAll(t, db); len(got) != 0 {
				t.Errorf("sent to %v", got)
			}
			wantState(t, db, id, publication.Completed)
			var state delivery.State
			var reason delivery.Reason
			scan(t, db, `SELECT state, reason FROM delivery`, &state, &reason)
			if state != c.state || reason != c.reason {
				t.Errorf("%s, %s", state, reason)
			}
		})
	}
}

// TestHeldOfWhatIsStopped: what is paused stays held, and what is cancelled is skipped at once.
func TestHeldOfWhatIsStopped(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 2)
	exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day' WHERE id = 1`)
	id := queued(t, db, publication.Audience{All: true})
	fanOut(t, db, id, 1)
	uid, anyVersion := publicationUID(t, db, id), func(int) error { return nil }
	if got := sendAll(t, db); len(got) != 1 {
		t.Fatalf("sent to %v", got)
	}
	if _, err := db.PausePublication(t.Context(), uid, anyVersion); err != nil {
		t.Fatal(err)
	}
	wantState(t, db, id, publication.Paused)
	exec(t, db, `UPDATE subscriber SET paused_until = NULL`)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 0)
	if _, err := db.ResumePublication(t.Context(), uid, anyVersion); err != nil {
		t.Fatal(err)
	}
	wantState(t, db, id, publication.Sending)
	exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day' WHERE id = 1`)
	releaseDue(t, db, 0) // it is put off anew
	if _, err := db.CancelPublication(t.Context(), uid, anyVersion); err != nil {
		t.Fatal(err)
	}
	wantState(t, db, id, publication.Cancelled)
	wantHeldConsistent(t, db)
	if n := value[int](t, db, `SELECT count(*) FROM held`); n != 0 {
		t.Errorf("%d are held still", n)
	}
	if all := countsOf(t, db, id).All(); all.Sent != 1 || all.Skipped != 1 || all.Total() != 2 {
		t.Errorf("counts %+v", all)
	}
}

// TestOwnQuietHours: who has quiet hours of their own has those, and not the organisation's, when they are sent to and when they are due.
func TestOwnQuietHours(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	exec(t, db, quietNow)
	const own = `UPDATE subscriber SET (quiet_from, quiet_to) = (
		SELECT (m + 1440 + $2::integer) % 1440, (m + 1440 + $3::integer) % 1440
		FROM (SELECT extract(hour FROM now())::integer * 60 + extract(minute FROM now())::integer AS m) x) WHERE id = $1`
	exec(t, db, own, 1, 180, 240)
	exec(t, db, own, 3, -60, 60)
	fanOut(t, db, queued(t, db, publication.Audience{All: true}), 1)
	if got := sendAll(t, db); len(got) != 1 || got[1] != 1 {
		t.Errorf("sent to %v", got)
	}
	const until = `SELECT string_agg(recipient_id || CASE WHEN due < now() + interval '61 minutes' THEN ' an hour' ELSE ' two hours' END, ', ' ORDER BY recipient_id)
		FROM held WHERE reason = $1 AND due > now() + interval '30 minutes'`
	for range 2 {
		if got := value[string](t, db, until, int16(delivery.QuietHours)); got != "2 two hours, 3 an hour" {
			t.Errorf("held are %s", got)
		}
		exec(t, db, `UPDATE held SET due = now()`)
		releaseDue(t, db, 0)
	}
	exec(t, db, own, 3, 180, 240)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 1)
}

// TestUrgentMailIsNotHeld, whatever its readers chose.
func TestUrgentMailIsNotHeld(t *testing.T) {
	t.Parallel()
	for _, urgent := range []string{`priority = 'critical'`, `type = 'transactional'`} {
		db := open(t)
		subscribers(t, db, 2)
		exec(t, db, quietNow)
		exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day', channels_off = '{1}'`)
		id := queued(t, db, publication.Audience{All: true})
		exec(t, db, `UPDATE publication SET `+urgent)
		fanOut(t, db, id, 1)
		if got := sendAll(t, db); len(got) != 2 {
			t.Errorf("%s: sent to %v", urgent, got)
		}
		wantState(t, db, id, publication.Completed)
	}
}

// TestTwoReleaseAtOnce: whoever is due is released once, by any number of schedulers.
func TestTwoReleaseAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 5000)
	exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day'`)
	id := queued(t, db, publication.Audience{All: true})
	fanOut(t, db, id, 4)
	exec(t, db, `UPDATE subscriber SET paused_until = NULL`)
	exec(t, db, `UPDATE held SET due = now() - recipient_id % 3 * interval '1 second'`)
	total := make(chan int, 3)
	for range 3 {
		go func() {
			n, err := db.ReleaseDue(t.Context())
			if err != nil {
				t.Error(err)
			}
			total <- n
		}()
	}
	if n := <-total + <-total + <-total; n != 5000 {
		t.Errorf("%d released, want 5000", n)
	}
	wantHeldConsistent(t, db)
	if got := sendAll(t, db); len(got) != 5000 || slices.Max(slices.Collect(maps.Values(got))) != 1 {
		t.Errorf("%d sent to", len(got))
	}
	wantState(t, db, id, publication.Completed)
}

// TestHeldSentOnceOrNotAtAll does anything in any order to what readers chose while publications go out, and sees that in
// the end everybody is accounted for once, that nobody got anything in a pause, and that held rows agree with the ledger
// all the way.
func TestHeldSentOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	db := open(t)
	const readers = 12
	subscribers(t, db, readers)
	rapid.Check(t, func(rt *rapid.T) {
		before := value[int64](t, db, `SELECT coalesce(max(id), 0) FROM publication`)
		db.batchSize = rapid.IntRange(1, 6).Draw(rt, "batch size")
		got := make(map[[2]int64]int) // by publication and reader
		paused := make(map[int64]bool)
		current := int64(0)
		send := func() {
			for reader, n := range sendAll(t, db) {
				got[[2]int64{current, reader}] += n
				if paused[reader] {
					rt.Fatalf("%d was sent to in a pause", reader)
				}
			}
		}
		reader := rapid.Int64Range(1, readers)
		actions := map[string]func(*rapid.T){
			"publish": func(*rapid.T) {
				send() // so that what is sent belongs to one
				if value[int](t, db, `SELECT count(*) FROM publication WHERE state = 'sending' AND id > $1`, before) > 0 {
					rt.Skip("one at a time")
				}
				current = queued(t, db, publication.Audience{All: true})
				fanOut(t, db, current, rapid.IntRange(1, 2).Draw(rt, "ranges"))
			},
			"pause": func(rt *rapid.T) {
				id := reader.Draw(rt, "pauses")
				paused[id] = true
				exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 hour' WHERE id = $1`, id)
			},
			"end a pause": func(rt *rapid.T) {
				id := reader.Draw(rt, "ends")
				delete(paused, id)
				exec(t, db, `UPDATE subscriber SET paused_until = NULL WHERE id = $1`, id)
				if rapid.Bool().Draw(rt, "and says so") {
					if err := db.tx(t.Context(), "release", func(tx pgx.Tx) error { return ReleaseHeld(t.Context(), tx, id) }); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"time passes": func(*rapid.T) { exec(t, db, `UPDATE held SET due = now()`) },
			"send":        func(*rapid.T) { send() },
			"release": func(*rapid.T) {
				if _, err := db.ReleaseDue(t.Context()); err != nil {
					rt.Fatal(err)
				}
				wantHeldConsistent(t, db)
			},
			"advance": func(*rapid.T) {
				if err := db.AdvanceOpen(t.Context()); err != nil {
					rt.Fatal(err)
				}
			},
		}
		rt.Repeat(actions)
		exec(t, db, `UPDATE subscriber SET paused_until = NULL`)
		clear(paused)
		exec(t, db, `UPDATE held SET due = now()`)
		actions["release"](rt)
		send()
		actions["advance"](rt)
		if n := value[int](t, db, `SELECT count(*) FROM publication WHERE state <> 'completed' AND id > $1`, before); n != 0 {
			rt.Fatalf("%d publications are not completed", n)
		}
		publications := value[int](t, db, `SELECT count(*) FROM publication WHERE id > $1`, before)
		if sent := value[int](t, db, `SELECT count(*) FROM delivery WHERE state = 2 AND publication_id > $1`, before); sent != publications*readers || len(got) != sent {
			rt.Fatalf("%d of %d sent, %d received", sent, publications*readers, len(got))
		}
		for who, n := range got {
			if n != 1 {
				rt.Fatalf("%v received %d", who, n)
			}
		}
	})
}

// TestHeldOnTwoChannels is released on both, though they are due at the same moment.
func TestHeldOnTwoChannels(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 10)
	exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day'`)
	id := queued(t, db, publication.Audience{All: true})
	expandOn(t, db, id, channel.Email.ID(), channel.Newsletter.ID())
	wantHeldConsistent(t, db)
	exec(t, db, `UPDATE subscriber SET paused_until = NULL`)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 20)
	sendAll(t, db)
	wantState(t, db, id, publication.Completed)
	if sent := countsOf(t, db, id).All().Sent; sent != 20 {
		t.Errorf("%d sent", sent)
	}
}

// expandOn renders and expands a publication to a few on some channels.
func expandOn(tb testing.TB, db *DB, id int64, channels ...int16) {
	tb.Helper()
	if p, err := db.StartRender(tb.Context(), id); err != nil || p == nil {
		tb.Fatal(p, err)
	}
	ranges, _, err := db.StartFanout(tb.Context(), publication.Fanout{Publication: id, Lane: 1, Ranges: 1})
	if err != nil {
		tb.Fatal(err)
	}
	page, err := db.ReadPage(tb.Context(), ranges[0], 1)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := db.ExpandPage(tb.Context(), page, channels, make([][]byte, len(page.Readers)), false); err != nil {
		tb.Fatal(err)
	}
}

// TestGathered: who wants to hear daily gets it at the digest's hour, or at once if they change their mind.
func TestGathered(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	exec(t, db, `UPDATE subscriber SET frequency = 1 WHERE id < 3`)
	id := queued(t, db, publication.Audience{All: true})
	fanOut(t, db, id, 1)
	if got := sendAll(t, db); len(got) != 1 || got[3] != 1 {
		t.Fatalf("sent to %v", got)
	}
	if n := value[int](t, db, `SELECT count(*) FROM held WHERE due > now() AND due <= now() + interval '1 day'
		AND extract(hour FROM due) = 8 AND extract(minute FROM due) = 0`); n != 2 {
		t.Errorf("%d are held until eight o'clock", n)
	}
	// To be looked at sooner is no reason to be sent to sooner, but for who changed their mind.
	exec(t, db, `UPDATE subscriber SET frequency = 0 WHERE id = 1`)
	exec(t, db, `UPDATE held SET due = now()`)
	releaseDue(t, db, 1)
	if got := sendAll(t, db); len(got) != 1 || got[1] != 1 {
		t.Fatalf("sent to %v", got)
	}
	// A day later its hour has come.
	exec(t, db, `UPDATE held SET due = now(), since = since - interval '25 hours'`)
	releaseDue(t, db, 1)
	if got := sendAll(t, db); len(got) != 1 || got[2] != 1 {
		t.Fatalf("sent to %v", got)
	}
	wantState(t, db, id, publication.Completed)
	// What is a digest itself is not held for the next one.
	digest := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE publication SET type = 'digest' WHERE id = $1`, digest)
	fanOut(t, db, digest, 1)
	if got := sendAll(t, db); len(got) != 3 {
		t.Errorf("sent to %v", got)
	}
}

// TestChosenWhileLookedAt: who changes what they chose while they are put off by what they had chosen before is looked at again at once.
func TestChosenWhileLookedAt(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 2)
	id := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '3 days'`)
	fanOut(t, db, id, 1)
	exec(t, db, `UPDATE held SET due = now() - interval '1 second'`)
	tx, err := db.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }() // or the pool could not be closed after a failure
	page := duePage{publication: id, after: math.MinInt64}
	d, err := page.read(t.Context(), tx)
	if err != nil || len(d.keys) != 2 {
		t.Fatal(d, err)
	}
	if err := db.tx(t.Context(), "choose", func(tx pgx.Tx) error { return ReleaseHeld(t.Context(), tx, 1) }); err != nil {
		t.Fatal(err)
	}
	later := column(d.keys, func(k delivery.Key) delivery.Outcome {
		return delivery.Outcome{Publication: k.Publication, Channel: k.Channel, Recipient: k.Recipient, State: delivery.Deferred,
			Reason: delivery.PausedByReader, Until: time.Now().Add(72 * time.Hour)}
	})
	if err := putOffAgain(t.Context(), tx, later, d.due); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if due := value[[]int64](t, db, `SELECT coalesce(array_agg(recipient_id), '{}') FROM held WHERE due <= now()`); !slices.Equal(due, []int64{1}) {
		t.Errorf("due are %v", due)
	}
}
