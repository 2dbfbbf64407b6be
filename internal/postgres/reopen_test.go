package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

// failing is a publication to n readers of whom all are settled: 1 was sent to, 2 failed, 3 is uncertain, the others
// were sent to. It is completed.
func failing(t *testing.T, db *DB, n int) int64 {
	t.Helper()
	id := sending(t, db, n)
	ctx := t.Context()
	session := openSession(t, db)
	batches := value[int](t, db, `SELECT count(*)::int FROM batch`)
	flush := int64(0)
	for i := range batches {
		b, err := db.Claim(ctx, session, int64(i+1), 1, i+1)
		if err != nil || b == nil {
			t.Fatalf("claim: %v, %v", b, err)
		}
		owed, err := db.Owed(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		var list []delivery.Outcome
		for _, r := range owed {
			switch r.ID % 100 {
			case 2:
				list = append(list, dead(b, r.ID))
			case 3:
				list = append(list, delivery.Outcome{Publication: id, Channel: 1, Recipient: r.ID, State: delivery.Uncertain, Attempt: 1, Reason: delivery.NoAnswer})
			default:
				list = append(list, sent(b, r.ID)...)
			}
		}
		flush++
		if err := db.Flush(ctx, delivery.Flush{Session: session, Number: flush, Lease: time.Minute, Outcomes: list}); err != nil {
			t.Fatal(err)
		}
		if r, err := db.Release(ctx, b, 0); err != nil || !r.Done {
			t.Fatalf("release %+v, %v", r, err)
		}
	}
	if err := db.Advance(ctx, id); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `DELETE FROM outbox`)
	return id
}

func dead(b *delivery.Batch, recipient int64) delivery.Outcome {
	return delivery.Outcome{Publication: b.Publication, Channel: b.Channel, Recipient: recipient, State: delivery.Failed, Attempt: 4,
		Reason: delivery.RetriesUsed, Dead: &delivery.DeadLetter{Kind: "retry", Code: "busy", Error: "busy", Fingerprint: "f"}}
}

// doReopen is reopen in a transaction of its own.
func doReopen(t *testing.T, db *DB, was delivery.State, keys ...delivery.Key) delivery.Fates {
	t.Helper()
	var all delivery.Fates
	if err := db.tx(t.Context(), "reopen", func(tx pgx.Tx) error {
		fates, err := db.reopen(t.Context(), tx, keys, reopening{by: "key:test", was: was})
		all.Add(fates...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func key(publication, recipient int64) delivery.Key {
	return delivery.Key{Publication: publication, Channel: 1, Recipient: recipient}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 250)
	ctx := t.Context()
	if state := value[string](t, db, `SELECT state FROM publication`); state != "completed_with_failures" {
		t.Fatalf("it is %s", state)
	}
	keys := []delivery.Key{key(id, 2), key(id, 102), key(id, 1), key(id, 3), key(id, 9999), key(id+1, 2)}
	if got := doReopen(t, db, delivery.Failed, keys...); got != (delivery.Fates{Changed: 2, Unchanged: 3, Refused: 1}) {
		t.Errorf("%+v", got)
	}
	if got := doReopen(t, db, delivery.Failed, keys...); got.Changed != 0 {
		t.Errorf("a second time: %+v", got)
	}
	var state string
	var ended *time.Time
	scan(t, db, `SELECT state, completed_at FROM publication`, &state, &ended)
	if state != "sending" || ended != nil {
		t.Errorf("it is %s, and ended at %v", state, ended)
	}
	c, err := countBatches(ctx, db.pool, id)
	if err != nil || len(c) != 1 || c[0].Pending != 2 || c[0].Failed != 1 || c[0].Uncertain != 3 || c[0].Sent != 244 {
		t.Errorf("counts %+v, %v", c, err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM outbox WHERE kind = 'send-email'`); n != 2 {
		t.Errorf("%d nudges", n)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM dead_letter WHERE replayed_by = 'key:test'`); n != 2 {
		t.Errorf("%d dead letters are replayed", n)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM reopening WHERE was = 6 AND attempts = 4 AND fingerprint = 'f'`); n != 2 {
		t.Errorf("%d stand in the history", n)
	}
	finishReopened(t, db, id)
}

// finishReopened sends what was reopened, and sees the publication complete again.
func finishReopened(t *testing.T, db *DB, id int64) {
	t.Helper()
	ctx := t.Context()
	session := openSession(t, db)
	for number, batch := range []int64{1, 2} {
		b, err := db.Claim(ctx, session, batch, 2, number+1)
		if err != nil || b == nil {
			t.Fatalf("claim: %v, %v", b, err)
		}
		owed, err := db.Owed(ctx, b)
		if err != nil || len(owed) != 1 || owed[0].Attempt != 0 {
			t.Fatalf("owed %+v, %v", owed, err)
		}
		outcomes := sent(b, owed[0].ID)
		if batch == 2 {
			outcomes = []delivery.Outcome{dead(b, owed[0].ID)}
		}
		if err := db.Flush(ctx, delivery.Flush{Session: session, Number: int64(number) + 1, Lease: time.Minute, Outcomes: outcomes}); err != nil {
			t.Fatal(err)
		}
		if r, err := db.Release(ctx, b, 0); err != nil || !r.Done {
			t.Fatalf("release %+v, %v", r, err)
		}
	}
	if err := db.Advance(ctx, id); err != nil {
		t.Fatal(err)
	}
	if state := value[string](t, db, `SELECT state FROM publication WHERE completed_at IS NOT NULL`); state != "completed_with_failures" {
		t.Errorf("it is %s", state)
	}
	// Who failed again is dead again, and that they were replayed is known.
	open, err := db.DeadLetters(ctx, delivery.DeadFilter{}, 0, 10)
	if err != nil || len(open) != 2 {
		t.Errorf("dead letters %+v, %v", open, err)
	}
	all, err := db.DeadLetters(ctx, delivery.DeadFilter{Replayed: true}, 0, 10)
	if err != nil || len(all) != 3 {
		t.Errorf("with those that were replayed: %d, %v", len(all), err)
	}
}

// A publication that was ended by somebody, or has failed, is not sent again; one that is paused goes on when it is
// resumed.
func TestReopenByState(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	for state, want := range map[string]delivery.Fates{
		"cancelled": {Refused: 1}, "cancelling": {Refused: 1}, "failed": {Refused: 1}, "paused": {Changed: 1}, "sending": {Unchanged: 1},
	} {
		if state == "sending" {
			continue
		}
		exec(t, db, `UPDATE delivery SET state = 6 WHERE recipient_id = 2`)
		exec(t, db, `UPDATE batch SET state = 'done'`)
		exec(t, db, `UPDATE publication SET state = $1, completed_at = NULL`, state)
		if got := doReopen(t, db, delivery.Failed, key(id, 2)); got != want {
			t.Errorf("%s: %+v, want %+v", state, got, want)
		}
		if now := value[string](t, db, `SELECT state FROM publication`); now != state {
			t.Errorf("%s became %s", state, now)
		}
	}
}

// A batch that is with a worker counts when it is given back what it read before: nothing of it is reopened.
func TestReopenLeavesClaimedBatches(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 100)
	ctx := t.Context()
	session, b := claim(t, db)
	if err := db.Flush(ctx, delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: []delivery.Outcome{dead(b, 2)},
		InFlight: []delivery.Window{{Batch: b.ID, After: 2, Through: 5}}}); err != nil {
		t.Fatal(err)
	}
	if got := doReopen(t, db, delivery.Failed, key(id, 2)); got != (delivery.Fates{Busy: 1}) {
		t.Errorf("%+v", got)
	}
	if _, err := db.Release(ctx, b, time.Hour); err != nil {
		t.Fatal(err)
	}
	// It waits for its time: who was reopened goes with it, under the nudge that it has.
	exec(t, db, `DELETE FROM outbox`)
	if got := doReopen(t, db, delivery.Failed, key(id, 2)); got != (delivery.Fates{Changed: 1}) {
		t.Errorf("%+v", got)
	}
	var state string
	var nudges int
	scan(t, db, `SELECT state FROM batch`, &state)
	if scan(t, db, `SELECT count(*) FROM outbox`, &nudges); state != "waiting" || nudges != 0 {
		t.Errorf("the batch is %s, with %d nudges", state, nudges)
	}
}

// Evidence changes who is uncertain under its own session, and nobody who was made owed again since.
func TestLateEvidenceAfterAReopening(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 100)
	ctx := t.Context()
	first, b := claim(t, db)
	if err := db.Flush(ctx, delivery.Flush{Session: first, Number: 1, Lease: time.Minute,
		InFlight: []delivery.Window{{Batch: b.ID, After: 10, Through: 12}}}); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE sender_session SET until = now() - interval '1 s'`)
	waitForServerAge(t, db)
	if got, err := db.TakeOver(ctx); err != nil || got == nil || got.Uncertain != 2 {
		t.Fatalf("takeover %+v, %v", got, err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM uncertain WHERE due > clock_timestamp() + interval '50 s'`); n != 2 {
		t.Errorf("%d stand on the list", n)
	}
	if got := doReopen(t, db, delivery.Uncertain, key(id, 11), key(id, 12)); got != (delivery.Fates{Changed: 2}) {
		t.Errorf("%+v", got)
	}
	if err := db.SettleLate(ctx, first, sent(b, 11)); err != nil {
		t.Fatal(err)
	}
	wantStates(t, db, map[int64]delivery.State{11: delivery.Pending, 12: delivery.Pending})
	second := openSession(t, db)
	again, err := db.Claim(ctx, second, b.ID, b.Gen+1, 7)
	if err != nil || again == nil {
		t.Fatalf("claim: %v, %v", again, err)
	}
	doubt := delivery.Outcome{Publication: id, Channel: 1, Recipient: 11, State: delivery.Uncertain, Attempt: 1, Reason: delivery.NoAnswer}
	if err := db.Flush(ctx, delivery.Flush{Session: second, Number: 1, Lease: time.Minute,
		Outcomes: append(sent(again, 12), doubt)}); err != nil {
		t.Fatal(err)
	}
	if err := db.SettleLate(ctx, first, append(sent(b, 11), dead(b, 12))); err != nil {
		t.Fatal(err)
	}
	wantStates(t, db, map[int64]delivery.State{11: delivery.Uncertain, 12: delivery.Sent})
	if n := value[int](t, db, `SELECT count(*)::int FROM uncertain`); n != 1 {
		t.Errorf("%d stand on the list", n)
	}
}

func wantStates(t *testing.T, db *DB, want map[int64]delivery.State) {
	t.Helper()
	for recipient, state := range want {
		if got := value[int16](t, db, `SELECT state FROM delivery WHERE recipient_id = $1`, recipient); got != int16(state) {
			t.Errorf("recipient %d is %s, want %s", recipient, delivery.State(got), state)
		}
	}
}

// TestReopeningMeetsCompletion has a publication completed just while something of it is made owed again: who completes
// it saw no open batch.
func TestReopeningMeetsCompletion(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	exec(t, db, `UPDATE publication SET state = 'sending', completed_at = NULL`)
	ctx := t.Context()
	tx, err := db.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := db.reopen(ctx, tx, []delivery.Key{key(id, 2)}, reopening{by: "key:test", was: delivery.Failed}); err != nil {
		t.Fatal(err)
	}
	advanced := make(chan error, 1)
	go func() { advanced <- db.Advance(context.WithoutCancel(ctx), id) }()
	waitForLock(t, db)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-advanced; err != nil {
		t.Fatal(err)
	}
	if state := value[string](t, db, `SELECT state FROM publication`); state != "sending" {
		t.Errorf("it is %s with a batch open", state)
	}
}

// waitForLock waits until somebody waits for a lock of this database.
func waitForLock(t *testing.T, db *DB) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for value[int](t, db, `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for a lock")
		}
	}
}

// An archived task of a batch reopens it once: afterwards its generation is an old one.
func TestReopenBatch(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 100)
	for _, try := range []struct {
		batch int64
		gen   int
		want  int
	}{{1, 0, 0}, {99, 1, 0}, {1, 1, 1}, {1, 1, 0}, {1, 2, 0}} {
		if n, err := db.ReopenBatch(t.Context(), try.batch, try.gen); err != nil || n != try.want {
			t.Errorf("batch %d, generation %d: %d, %v, want %d", try.batch, try.gen, n, err, try.want)
		}
	}
	finished := value[string](t, db, `SELECT state FROM batch WHERE id = 1`)
	if finished != "ready" {
		t.Errorf("the batch is %s", finished)
	}
}

var errTest = errors.New("test")

// Whatever is reopened is reopened with all that follows, or not at all.
func TestReopenRollsBack(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	err := db.tx(t.Context(), "reopen", func(tx pgx.Tx) error {
		if _, err := db.reopen(t.Context(), tx, []delivery.Key{key(id, 2)}, reopening{by: "key:test", was: delivery.Failed}); err != nil {
			return err
		}
		return errTest
	})
	if !errors.Is(err, errTest) {
		t.Fatal(err)
	}
	wantStates(t, db, map[int64]delivery.State{2: delivery.Failed})
	if state := value[string](t, db, `SELECT state FROM publication`); state != "completed_with_failures" {
		t.Errorf("it is %s", state)
	}
}
