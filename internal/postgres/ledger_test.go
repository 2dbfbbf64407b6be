package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// subscribers makes n active subscribers with ids 1 to n.
func subscribers(tb testing.TB, db *DB, n int) {
	tb.Helper()
	exec(tb, db, `
		INSERT INTO subscriber (uid, email, name, status, topics)
		SELECT gen_random_uuid(), 'reader' || i || '@example.org', 'Reader ' || i, 'active', ARRAY[1 + i % 3]
		FROM generate_series(1, $1::integer) i`, n)
}

func exec(tb testing.TB, db *DB, sql string, args ...any) {
	tb.Helper()
	if _, err := db.pool.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatal(err)
	}
}

func scan(tb testing.TB, db *DB, sql string, into ...any) {
	tb.Helper()
	if err := db.pool.QueryRow(tb.Context(), sql).Scan(into...); err != nil {
		tb.Fatal(err)
	}
}

// queued makes a publication to everybody by e-mail.
func queued(tb testing.TB, db *DB, audience publication.Audience) int64 {
	tb.Helper()
	text, err := json.Marshal(audience)
	if err != nil {
		tb.Fatal(err)
	}
	var id int64
	err = db.pool.QueryRow(tb.Context(), `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, gen)
		VALUES ($1, 'News', 'announcement', 'normal', 1, 'queued', '{1}', $2, '[]', 'test', 1) RETURNING id`,
		ident.New(), text).Scan(&id)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// fanOut renders and expands a publication completely, as the worker does: to e-mail and to more kinds of channels.
func fanOut(tb testing.TB, db *DB, id int64, ranges int, more ...channel.Kind) {
	tb.Helper()
	for _, r := range fannedOut(tb, db, id, ranges) {
		expandRange(tb, db, r, more...)
	}
}

// fannedOut renders a publication and returns its ranges, of which nobody is expanded.
func fannedOut(tb testing.TB, db *DB, id int64, ranges int) []int64 {
	tb.Helper()
	ctx := tb.Context()
	p, err := db.StartRender(ctx, id)
	if err != nil || p == nil {
		tb.Fatalf("render: %v, %v", p, err)
	}
	list, started, err := db.StartFanout(ctx, publication.Fanout{Publication: id, Lane: 1, Ranges: ranges})
	if err != nil || !started || len(list) != ranges {
		tb.Fatalf("fan-out: %v, %v, %v", list, started, err)
	}
	return list
}

func expandRange(tb testing.TB, db *DB, r int64, more ...channel.Kind) {
	tb.Helper()
	channels := column(append([]channel.Kind{channel.Email}, more...), channel.Kind.ID)
	for gen := 1; ; {
		page, err := db.ReadPage(tb.Context(), r, gen)
		if err != nil || page == nil {
			tb.Fatalf("page: %v, %v", page, err)
		}
		e, err := db.ExpandPage(tb.Context(), page, channels, make([][]byte, len(page.Readers)), false)
		if err != nil || e == nil {
			tb.Fatalf("expand: %v, %v", e, err)
		}
		if e.Done {
			return
		}
		gen = e.Gen
	}
}

// sending makes a publication to n subscribers, expanded and ready to send.
func sending(tb testing.TB, db *DB, n int) int64 {
	tb.Helper()
	subscribers(tb, db, n)
	id := queued(tb, db, publication.Audience{All: true})
	fanOut(tb, db, id, 1)
	return id
}

func TestFanoutCoversTheAudienceOnce(t *testing.T) {
	t.Parallel()
	for _, ranges := range []int{1, 4} {
		db := open(t)
		subscribers(t, db, 5000)
		exec(t, db, `UPDATE subscriber SET status = 'unsubscribed' WHERE id % 10 = 0`)
		id := queued(t, db, publication.Audience{Topics: []int32{1, 2}, Exclude: []int64{1, 3}})
		fanOut(t, db, id, ranges)
		var rows, wanted, inBatches, covered, outbox int
		scan(t, db, `SELECT count(*) FROM delivery`, &rows)
		scan(t, db, `SELECT count(*) FROM subscriber WHERE status = 'active' AND topics && '{1,2}' AND id NOT IN (1, 3)`, &wanted)
		scan(t, db, `SELECT sum(size) FROM batch`, &inBatches)
		scan(t, db, `SELECT count(*) FROM delivery d JOIN batch b ON b.publication_id = d.publication_id
			AND b.channel_id = d.channel_id AND d.recipient_id > b.lo AND d.recipient_id <= b.hi`, &covered)
		scan(t, db, `SELECT count(*) FROM outbox WHERE kind = 'send-email'`, &outbox)
		if rows != wanted || inBatches != wanted || covered != wanted {
			t.Errorf("%d ranges: %d rows, %d in batches, %d covered by exactly one, want %d", ranges, rows, inBatches, covered, wanted)
		}
		var batches int
		scan(t, db, `SELECT count(*) FROM batch`, &batches)
		if outbox != batches {
			t.Errorf("%d nudges for %d batches", outbox, batches)
		}
		var done bool
		scan(t, db, `SELECT fanout_done FROM publication`, &done)
		if !done {
			t.Error("the fan-out is not done")
		}
	}
}

func TestPageIsExpandedOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 300)
	id := queued(t, db, publication.Audience{All: true})
	ctx := t.Context()
	if _, err := db.StartRender(ctx, id); err != nil {
		t.Fatal(err)
	}
	ranges, _, err := db.StartFanout(ctx, publication.Fanout{Publication: id, Lane: 1, Ranges: 1})
	if err != nil {
		t.Fatal(err)
	}
	page, err := db.ReadPage(ctx, ranges[0], 1)
	if err != nil || page == nil {
		t.Fatal(page, err)
	}
	results := make(chan *publication.Expanded, 8)
	for range cap(results) {
		go func() {
			e, err := db.ExpandPage(context.WithoutCancel(ctx), page, []int16{1}, make([][]byte, len(page.Readers)), false)
			if err != nil {
				t.Error(err)
			}
			results <- e
		}()
	}
	won := 0
	for range cap(results) {
		if e := <-results; e != nil {
			won++
		}
	}
	var rows, size int
	scan(t, db, `SELECT count(*) FROM delivery`, &rows)
	scan(t, db, `SELECT sum(size) FROM batch`, &size)
	if won != 1 || rows != 300 || size != 300 {
		t.Errorf("%d workers expanded it: %d rows, %d in batches", won, rows, size)
	}
	if again, err := db.ReadPage(ctx, ranges[0], 1); err != nil || again != nil {
		t.Errorf("a stale nudge read %v, %v", again, err)
	}
}

// claim opens a session and claims the first batch.
func claim(tb testing.TB, db *DB) (int64, *delivery.Batch) {
	tb.Helper()
	session, err := db.OpenSession(tb.Context(), "test", time.Minute)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := db.Claim(tb.Context(), session, 1, 1, 1)
	if err != nil || b == nil {
		tb.Fatalf("claim: %v, %v", b, err)
	}
	return session, b
}

func sent(b *delivery.Batch, recipients ...int64) []delivery.Outcome {
	var list []delivery.Outcome
	for _, r := range recipients {
		list = append(list, delivery.Outcome{Publication: b.Publication, Channel: b.Channel, Recipient: r, State: delivery.Sent, Attempt: 1})
	}
	return list
}

func TestClaimIsFenced(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 100)
	ctx := t.Context()
	session, b := claim(t, db)
	for name, try := range map[string]func() (*delivery.Batch, error){
		"a second time": func() (*delivery.Batch, error) { return db.Claim(ctx, session, 1, 1, 2) },
		"an old nudge":  func() (*delivery.Batch, error) { return db.Claim(ctx, session, 1, 0, 2) },
		"no batch":      func() (*delivery.Batch, error) { return db.Claim(ctx, session, 99, 1, 2) },
	} {
		if got, err := try(); got != nil || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// A claim whose answer was lost is repeated, also when the publication was paused meanwhile.
	exec(t, db, `UPDATE publication SET state = 'pausing'`)
	if got, err := db.Claim(ctx, session, 1, 1, 1); err != nil || got == nil || got.Token != b.Token {
		t.Errorf("the same claim again: %v, %v", got, err)
	}
	exec(t, db, `UPDATE publication SET state = 'sending'`)
	stale := *b
	stale.Token--
	if _, err := db.Release(ctx, &stale, 0); !errors.Is(err, delivery.ErrFenced) {
		t.Errorf("a release with an old token: %v", err)
	}
	r, err := db.Release(ctx, b, time.Hour)
	if err != nil || r.Done || r.Pending != 100 {
		t.Errorf("release: %+v, %v", r, err)
	}
	got, err := db.Claim(ctx, session, 1, 2, 3)
	var early *fault.Error
	if got != nil || !errors.As(err, &early) || early.Kind != fault.Wait || early.After < 59*time.Minute || early.After > time.Hour {
		t.Errorf("a batch that waits was claimed: %v, %v", got, err)
	}
	exec(t, db, `UPDATE publication SET state = 'pausing'`)
	if got, err := db.Claim(ctx, session, 1, 2, 3); got != nil || err != nil {
		t.Errorf("a batch that waits and is paused: %v, %v", got, err)
	}
	exec(t, db, `UPDATE publication SET state = 'sending'`)
	exec(t, db, `UPDATE batch SET not_before = now() - interval '1 s'`)
	if got, err := db.Claim(ctx, session, 1, 2, 3); got == nil || err != nil || got.Token != 3 {
		t.Errorf("a batch that is due: %v, %v", got, err)
	}
}

func TestFlushSettlesAndCompletes(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 3)
	ctx := t.Context()
	session, b := claim(t, db)
	owed, err := db.Owed(ctx, b)
	if err != nil || len(owed) != 3 || owed[0].Email != "reader1@example.org" {
		t.Fatalf("owed %+v, %v", owed, err)
	}
	outcomes := sent(b, 1)
	outcomes = append(outcomes,
		delivery.Outcome{Publication: id, Channel: 1, Recipient: 2, State: delivery.Failed, Attempt: 4, Reason: delivery.RetriesUsed,
			Dead: &delivery.DeadLetter{Kind: "retry", Code: "busy", Error: "busy", Fingerprint: "f"}},
		delivery.Outcome{Publication: id, Channel: 1, Recipient: 3, State: delivery.Uncertain, Attempt: 1, Reason: delivery.NoAnswer})
	flush := delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: outcomes}
	if err := db.Flush(ctx, flush); err != nil {
		t.Fatal(err)
	}
	if err := db.Flush(ctx, flush); err != nil {
		t.Errorf("the same flush again: %v", err)
	}
	flush.Number = 3
	if err := db.Flush(ctx, flush); !errors.Is(err, delivery.ErrFenced) {
		t.Errorf("a flush out of order: %v", err)
	}
	r, err := db.Release(ctx, b, 0)
	if err != nil || !r.Done || r.Failed != 1 || r.Size != 3 {
		t.Errorf("release %+v, %v", r, err)
	}
	if err := db.Advance(ctx, id); err != nil {
		t.Fatal(err)
	}
	var state string
	var nSent, nFailed, nUncertain, dead int
	scan(t, db, `SELECT state FROM publication`, &state)
	scan(t, db, `SELECT n_sent, n_failed, n_uncertain FROM batch`, &nSent, &nFailed, &nUncertain)
	scan(t, db, `SELECT count(*) FROM dead_letter`, &dead)
	if state != "completed_with_failures" || nSent != 1 || nFailed != 1 || nUncertain != 1 || dead != 1 {
		t.Errorf("%s: %d sent, %d failed, %d uncertain, %d dead letters", state, nSent, nFailed, nUncertain, dead)
	}
}

func TestTakeoverMakesExactlyTheListedUncertain(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 250)
	ctx := t.Context()
	session, b := claim(t, db)
	if err := db.Flush(ctx, delivery.Flush{Session: session, Number: 1, Lease: time.Minute,
		InFlight: []delivery.Window{{Batch: b.ID, After: 10, Through: 15}, {Batch: b.ID, After: 20, Through: 21}},
		Outcomes: sent(b, 12)}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.TakeOver(ctx); got != nil || err != nil {
		t.Fatalf("a living session was taken over: %v, %v", got, err)
	}
	exec(t, db, `UPDATE sender_session SET until = now() - interval '1 s'`)
	waitForServerAge(t, db)
	got, err := db.TakeOver(ctx)
	if err != nil || got == nil || got.Uncertain != 5 || got.Batches != 1 {
		t.Fatalf("takeover %+v, %v", got, err)
	}
	if again, err := db.TakeOver(ctx); again != nil || err != nil {
		t.Errorf("taken over twice: %v, %v", again, err)
	}
	if err := db.Flush(ctx, delivery.Flush{Session: session, Number: 2, Lease: time.Minute, Outcomes: sent(b, 30)}); !errors.Is(err, delivery.ErrFenced) {
		t.Errorf("a fenced session wrote: %v", err)
	}
	if _, err := db.Release(ctx, b, 0); !errors.Is(err, delivery.ErrFenced) {
		t.Errorf("a fenced session released: %v", err)
	}
	if err := db.SettleLate(ctx, session, sent(b, 11, 30)); err != nil {
		t.Fatal(err)
	}
	var list []int64
	scan(t, db, `SELECT array_agg(recipient_id ORDER BY recipient_id) FROM delivery WHERE state = 7`, &list)
	if len(list) != 4 || list[0] != 13 || list[3] != 21 {
		t.Errorf("uncertain: %v", list)
	}
	var late, untouched int16
	scan(t, db, `SELECT state FROM delivery WHERE recipient_id = 11`, &late)
	scan(t, db, `SELECT state FROM delivery WHERE recipient_id = 30`, &untouched)
	if late != int16(delivery.Sent) || untouched != int16(delivery.Pending) {
		t.Errorf("late evidence: listed is %d, not listed is %d", late, untouched)
	}
	// A release that counted before the evidence was there, and committed after it.
	exec(t, db, `UPDATE batch SET state = 'done', n_uncertain = 5`)
	if err := db.SettleLate(ctx, session, sent(b, 11, 30)); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, `SELECT n_uncertain FROM batch WHERE id = $1`, b.ID); n != 4 {
		t.Errorf("%d are counted as uncertain", n)
	}
	exec(t, db, `UPDATE batch SET state = 'ready'`)
	again, err := db.Claim(ctx, openSession(t, db), b.ID, b.Gen+1, 1)
	if err != nil || again == nil {
		t.Fatalf("the batch is not ready again: %v, %v", again, err)
	}
	if owed, err := db.Owed(ctx, again); err != nil || len(owed) != 94 {
		t.Errorf("owed %d, %v", len(owed), err)
	}
	_ = id
}

func openSession(tb testing.TB, db *DB) int64 {
	tb.Helper()
	id, err := db.OpenSession(tb.Context(), "test", time.Minute)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// waitForServerAge waits until the server has been up long enough for takeover to be allowed.
func waitForServerAge(tb testing.TB, db *DB) {
	tb.Helper()
	exec(tb, db, `SELECT pg_sleep(greatest(0, 10.1 - extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())))`)
}

func TestSkipsAtSendTime(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 9)
	id := queued(t, db, publication.Audience{Topics: []int32{1}})
	fanOut(t, db, id, 1)
	exec(t, db, `UPDATE subscriber SET status = 'unsubscribed', revoked_at = clock_timestamp() WHERE id = 3`)
	exec(t, db, `UPDATE subscriber SET topics = '{2}', revoked_at = clock_timestamp() WHERE id = 6`)
	exec(t, db, `DELETE FROM subscriber WHERE id = 9`)
	_, b := claim(t, db)
	owed, err := db.Owed(t.Context(), b)
	if err != nil || len(owed) != 3 {
		t.Fatal(owed, err)
	}
	for i, want := range []delivery.Reason{delivery.Unsubscribed, delivery.TopicLeft, delivery.Gone} {
		if got := owed[i].Skip; got != want {
			t.Errorf("recipient %d: %s, want %s", owed[i].ID, got, want)
		}
	}
	c, err := db.Control(t.Context(), delivery.InHand{Publications: []int64{id}})
	if err != nil || len(c.Revoked) != 2 || len(c.Stopped) != 0 || len(c.Paused) != 0 {
		t.Errorf("control %+v, %v", c, err)
	}
}

// TestRevokedAmongMany: after many withdrew at once, a worker hears of those whom it is sending to, and of no others.
func TestRevokedAmongMany(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 2*manyRevoked)
	ctx := t.Context()
	hand := delivery.InHand{Readers: []int64{1, 2, 3, manyRevoked + 7, 99_999}}
	exec(t, db, `UPDATE subscriber SET revoked_at = now() - interval '31 seconds' WHERE id = 2`)
	for _, tc := range []struct {
		upTo  int
		heard int // of
	}{
		{manyRevoked / 2, manyRevoked/2 - 1 /* all but reader 2, who did so too long ago */}, {2 * manyRevoked, 4},
	} {
		exec(t, db, `UPDATE subscriber SET revoked_at = now() WHERE id <= $1 AND id <> 2`, tc.upTo)
		c, err := db.Control(ctx, hand)
		if err != nil || len(c.Revoked) != tc.heard {
			t.Errorf("%d withdrew: heard of %d, %v, want %d", tc.upTo, len(c.Revoked), err, tc.heard)
		}
		for _, id := range []int64{1, 3} {
			if at := value[time.Time](t, db, `SELECT revoked_at FROM subscriber WHERE id = $1`, id); !at.Equal(c.Revoked[id]) {
				t.Errorf("reader %d withdrew at %s, not %s", id, at, c.Revoked[id])
			}
		}
	}
}

func TestPauseAndCancel(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 250)
	ctx := t.Context()
	session, b := claim(t, db)
	exec(t, db, `UPDATE publication SET state = 'cancelling'`)
	if c, err := db.Control(ctx, delivery.InHand{Publications: []int64{id}}); err != nil || !c.Stopped[id] {
		t.Errorf("control %+v, %v", c, err)
	}
	if got, err := db.Claim(ctx, session, 2, 1, 2); got != nil || err != nil {
		t.Errorf("a batch of a cancelled publication was claimed: %v, %v", got, err)
	}
	if err := db.AdvanceOpen(ctx); err != nil {
		t.Fatal(err)
	}
	var state string
	scan(t, db, `SELECT state FROM publication`, &state)
	if state != "cancelling" {
		t.Errorf("%s while a batch is claimed", state)
	}
	if err := db.Flush(ctx, delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: sent(b, 1, 2)}); err != nil {
		t.Fatal(err)
	}
	if r, err := db.Release(ctx, b, 0); err != nil || !r.Stopped || r.Done {
		t.Errorf("release %+v, %v", r, err)
	}
	if err := db.AdvanceOpen(ctx); err != nil {
		t.Fatal(err)
	}
	var nSent, nSkipped, pending int
	scan(t, db, `SELECT state FROM publication`, &state)
	scan(t, db, `SELECT sum(n_sent), sum(n_skipped) FROM batch`, &nSent, &nSkipped)
	scan(t, db, `SELECT count(*) FROM delivery WHERE state = 0`, &pending)
	if state != "cancelled" || nSent != 2 || nSkipped != 248 || pending != 0 {
		t.Errorf("%s: %d sent, %d skipped, %d pending", state, nSent, nSkipped, pending)
	}
}

// TestStatementsOnTablesNeverAnalysed runs the ledger's statements right after a large fan-out, with
// autovacuum kept away, and bounds the blocks they touch: a plan that scans shows at once.
func TestStatementsOnTablesNeverAnalysed(t *testing.T) {
	t.Parallel()
	db := open(t)
	asOwner(t, db, `ALTER TABLE delivery_0 SET (autovacuum_enabled = off)`)
	asOwner(t, db, `ALTER TABLE batch SET (autovacuum_enabled = off)`)
	asOwner(t, db, `ALTER TABLE subscriber SET (autovacuum_enabled = off)`)
	id := sending(t, db, 40_000)
	session, b := claim(t, db)
	var ids []int64
	for r := b.Lo + 1; r <= b.Hi; r++ {
		ids = append(ids, r)
	}
	o := outcomesOf(sent(b, ids...))
	none := []int64{}
	names := make([]string, len(ids))
	personal := slices.Repeat([]bool{true}, len(ids))
	for _, tc := range []struct {
		name, sql string
		args      []any
		perRow    int // blocks, generously
	}{
		{"flush", flushSession, []any{session, int64(1), 60.0, none, none, none, o.publication, o.channel, o.recipient, o.state, o.attempt, o.reason, id, id}, 15},
		{"settle late", settleLate, []any{session, o.publication, o.channel, o.recipient, o.state, o.attempt, o.reason, id, id}, 15},
		{"hold closed batches", lockClosed, []any{[]int64{b.ID}}, 1},
		{"owed", owedReaders, []any{id, int16(1), b.Lo, b.Hi}, 12},
		{"owed by places", owedTargets, []any{id, int16(1), b.Lo, b.Hi}, 12},
		{"advance", advancePublications + ofOne, []any{id}, 2},
		{"advance all", advancePublications, nil, 2},
		{"stopped", stoppedPublications, []any{[]int64{id}}, 1},
		{"paused", pausedLanes, nil, 1},
		{"a lapsed session", lapsedSession, nil, 1},
		{"accounts", accounts, []any{id, b.Hi, []int16{1, 2}}, 1},
		{"attempts", insertAttempts, []any{o.publication, o.channel, o.recipient, o.attempt, o.state, o.reason, o.recipient, names, names, names, session, false}, 15},
		{"release", releaseBatch, []any{b.ID, b.Token, b.Session, id, int16(1), b.Lo, b.Hi, 0.0, "k", "q", 1, int16(1), "", Beside}, 12},
		{"takeover", listedBecomeUncertain, []any{session, []int64{b.ID}, []int64{b.Lo}, []int64{b.Hi}, 55.0}, 25},
		{"claim", claimBatch, []any{session, int64(2), 1, 2}, 1},
		{"a refused claim", stillOwed, []any{int64(2), 1}, 1},
		{"a stranded batch", strandedBatch, nil, 1},
		{"stop", stopBatches, []any{[]int64{b.ID}, true}, 700},
		{"whom an event is about", partiesOfRows, []any{o.publication, o.recipient, personal, o.channel}, 12},
		{"stoppable", stoppable, []any{id}, 1},
		{"doubts", keepDoubtful, []any{[]int64{b.ID}, 55.0, numbers([]delivery.State{delivery.Pending, delivery.Deferred})}, 1},
		{"few revocations", recentlyRevoked, []any{manyRevoked + 1}, 1},
		{"revocations in hand", revokedOf, []any{ids}, 6},
	} {
		if blocks := blocksOf(t, db, tc.sql, tc.args); blocks > tc.perRow*len(ids) {
			t.Errorf("%s touched %d blocks for %d rows", tc.name, blocks, len(ids))
		}
	}
	exec(t, db, `UPDATE subscriber SET revoked_at = now() - interval '1 hour' WHERE id > 100`)
	exec(t, db, `UPDATE subscriber SET revoked_at = now() WHERE id > 30000`)
	for name, blocks := range map[string]int{
		"many revocations":    blocksOf(t, db, recentlyRevoked, []any{manyRevoked + 1}),
		"revocations in hand": blocksOf(t, db, revokedOf, []any{ids}),
	} {
		if blocks > 2*manyRevoked {
			t.Errorf("%s touched %d blocks", name, blocks)
		}
	}
}

// TestFlushOnYoungLedgers flushes windows of many sizes into ledgers of many sizes, never analysed: the planner
// has more than one bad idea, each at its own size.
func TestFlushOnYoungLedgers(t *testing.T) {
	t.Parallel()
	for _, people := range []int{700, 2000, 10_000, 18_000} {
		t.Run(strconv.Itoa(people), func(t *testing.T) {
			t.Parallel()
			db := open(t)
			asOwner(t, db, `ALTER TABLE delivery_0 SET (autovacuum_enabled = off)`)
			id := sending(t, db, people)
			session, b := claim(t, db)
			none := []int64{}
			for _, size := range []int{1, 64, 308, 700} {
				var ids []int64
				for r := range size {
					ids = append(ids, int64(r+1))
				}
				o := outcomesOf(sent(b, ids...))
				keys := []any{o.publication, o.channel, o.recipient, o.state, o.attempt, o.reason, id, id}
				for name, blocks := range map[string]int{
					"flush": blocksOf(t, db, flushSession, append([]any{session, int64(1), 60.0, none, none, none}, keys...)),
					"late":  blocksOf(t, db, settleLate, append([]any{session}, keys...)),
				} {
					if blocks > 20*size+100 {
						t.Errorf("%s of %d rows among %d touched %d blocks", name, size, people, blocks)
					}
				}
			}
		})
	}
}

// blocksOf runs a statement, rolls it back, and returns how many blocks it touched: the larger number of a plan made
// for the arguments, and of the one that PostgreSQL may keep from the sixth time on.
func blocksOf(t *testing.T, db *DB, sql string, args []any) int {
	t.Helper()
	return max(plannedBlocks(t, db, "force_custom_plan", sql, args), plannedBlocks(t, db, "force_generic_plan", sql, args))
}

// plannedBlocks is blocksOf with one of the two plans.
func plannedBlocks(t *testing.T, db *DB, mode, sql string, args []any) int {
	t.Helper()
	ctx := t.Context()
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	var text []byte
	for _, step := range []string{`BEGIN`, `SET LOCAL plan_cache_mode = ` + mode, `PREPARE measured AS ` + sql} {
		if _, err := conn.Exec(ctx, step); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
	measure := `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE measured` + literals(t, args)
	if err := conn.QueryRow(ctx, measure, pgx.QueryExecModeExec).Scan(&text); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	for _, step := range []string{`ROLLBACK`, `DEALLOCATE measured`} {
		if _, err := conn.Exec(ctx, step); err != nil {
			t.Fatal(err)
		}
	}
	var plans []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.Hit + plans[0].Plan.Read
}

// literals is arguments as SQL has them in brackets, since EXECUTE takes no parameters.
func literals(t *testing.T, args []any) string {
	t.Helper()
	if len(args) == 0 {
		return ""
	}
	types := pgtype.NewMap()
	var list []string
	for _, arg := range args {
		known, ok := types.TypeForValue(arg)
		if !ok {
			t.Fatalf("%T has no type", arg)
		}
		text, err := types.Encode(known.OID, pgtype.TextFormatCode, arg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text == nil {
			list = append(list, "NULL")
			continue
		}
		list = append(list, "'"+strings.ReplaceAll(string(text), "'", "''")+"'")
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func TestPausedLaneIsNotClaimedAndResumes(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 250)
	ctx := t.Context()
	session, b := claim(t, db)
	pause := delivery.Pause{Scope: "channel:email", Covers: []delivery.ChannelLane{{Channel: 1, Lane: 0}, {Channel: 1, Lane: 1}}}
	for range 2 {
		if err := db.Pause(ctx, pause); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := db.Control(ctx, delivery.InHand{}); err != nil || !c.Paused[delivery.ChannelLane{Channel: 1, Lane: 1}] || len(c.Paused) != 2 {
		t.Errorf("control %+v, %v", c, err)
	}
	if got, err := db.Claim(ctx, session, 2, 1, 2); got != nil || err != nil {
		t.Errorf("a paused batch was claimed: %v, %v", got, err)
	}
	exec(t, db, `DELETE FROM outbox`)
	if r, err := db.Release(ctx, b, 0); err != nil || !r.Stopped {
		t.Errorf("release %+v, %v", r, err)
	}
	var nudges int
	if scan(t, db, `SELECT count(*) FROM outbox`, &nudges); nudges != 0 {
		t.Errorf("%d nudges of paused work", nudges)
	}
	for range 2 {
		if err := db.Resume(ctx, pause); err != nil {
			t.Fatal(err)
		}
	}
	if scan(t, db, `SELECT count(*) FROM outbox`, &nudges); nudges != 3 {
		t.Errorf("%d nudges after resuming, want 3", nudges)
	}
	if got, err := db.Claim(ctx, session, 1, b.Gen+2, 2); got == nil || err != nil {
		t.Errorf("not claimable after resuming: %v, %v", got, err)
	}
}
