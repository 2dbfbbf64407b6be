package postgres

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// order replays at once.
func order(f delivery.DeadFilter) delivery.ReplayOrder {
	return delivery.ReplayOrder{Filter: f, Rate: delivery.MaxReplayRate, MaxFailing: 0.5}
}

func startReplay(t *testing.T, db *DB, o delivery.ReplayOrder) delivery.Replay {
	t.Helper()
	r, err := db.CreateDeadReplay(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stepReplay takes the replay a step further, some time after its last.
func stepReplay(t *testing.T, db *DB, uid ident.UID) delivery.Replay {
	t.Helper()
	exec(t, db, `UPDATE replay SET stepped_at = clock_timestamp() - interval '1 second' WHERE uid = $1`, uid)
	if _, _, err := db.StepReplay(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := db.DeadReplay(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// settle gives everybody who is owed a state, as a worker would.
func settle(t *testing.T, db *DB, state delivery.State) {
	t.Helper()
	exec(t, db, `UPDATE dead_letter l SET created_at = clock_timestamp() FROM delivery d
		WHERE $1::smallint = 6 AND d.state = 0 AND d.recipient_id = l.recipient_id`, int16(state))
	exec(t, db, `UPDATE delivery SET state = $1 WHERE state = 0`, int16(state))
	exec(t, db, `UPDATE batch SET state = 'done', place = 0`)
}

func TestReplayWithACanary(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 1000)
	o := order(delivery.DeadFilter{Channel: "email", Queue: "email", Fingerprint: "f", Code: "busy"})
	o.Canary = 3
	r := startReplay(t, db, o)
	if r.State != delivery.ReplayCanary || r.Matched != 10 || r.CreatedBy == "" {
		t.Fatalf("%+v", r)
	}
	for range 2 { // until its outcome is known nothing follows
		if r = stepReplay(t, db, r.UID); r.Reopened != 3 || r.Waiting() != 3 || r.State != delivery.ReplayCanary {
			t.Fatalf("%+v", r)
		}
	}
	settle(t, db, delivery.Sent)
	if r = stepReplay(t, db, r.UID); r.Sent != 3 || r.State != delivery.ReplayRunning && r.State != delivery.ReplaySettling {
		t.Fatalf("%+v", r)
	}
	for range 3 {
		r = stepReplay(t, db, r.UID)
	}
	if r.Reopened != 10 || r.State != delivery.ReplaySettling {
		t.Fatalf("%+v", r)
	}
	settle(t, db, delivery.Failed)
	if r = stepReplay(t, db, r.UID); r.State != delivery.ReplayCompleted || r.Failed != 7 || r.EndedAt == nil {
		t.Errorf("%+v", r)
	}
	if _, stepped, err := db.StepReplay(t.Context()); stepped || err != nil {
		t.Errorf("a replay that has ended was stepped: %v", err)
	}
	letters, err := db.DeadLetters(t.Context(), delivery.DeadFilter{}, 0, 20)
	if err != nil || len(letters) != 7 {
		t.Fatalf("%d dead letters, %v", len(letters), err)
	}
	_, history, err := db.DeadLetter(t.Context(), letters[0].ID)
	if err != nil || len(history) != 1 || history[0].Replay == nil || *history[0].Replay != r.UID || history[0].Was != delivery.Failed {
		t.Errorf("%+v, %v", history, err)
	}
}

func TestReplayStops(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 1000)
	o := order(delivery.DeadFilter{})
	o.Canary = 4
	r := startReplay(t, db, o)
	stepReplay(t, db, r.UID)
	settle(t, db, delivery.Failed)
	if r = stepReplay(t, db, r.UID); r.State != delivery.ReplayStopped || r.Reopened != 4 || r.Note == "" {
		t.Errorf("%+v", r)
	}
	if _, err := db.CancelDeadReplay(t.Context(), r.UID); !fault.Is(err, fault.Conflict) {
		t.Errorf("cancelled after its end: %v", err)
	}
}

func TestReplayPacesItself(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 1000)
	o := order(delivery.DeadFilter{})
	o.Rate = 3
	r := startReplay(t, db, o)
	for i := range 3 {
		if r = stepReplay(t, db, r.UID); r.Reopened != int64(3*(i+1)) {
			t.Errorf("after %d seconds: %+v", i+1, r)
		}
	}
	for range 2 {
		got, err := db.CancelDeadReplay(t.Context(), r.UID)
		if err != nil || got.State != delivery.ReplayCancelled || got.EndedAt == nil {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if list, err := db.DeadReplays(t.Context(), 0, 10); err != nil || len(list) != 1 || list[0].UID != r.UID {
		t.Errorf("%+v, %v", list, err)
	}
}

// What is with a worker is looked at again, what can never be sent is counted and passed by, and two replays of the same
// dead letters reopen each once.
func TestReplaysMeet(t *testing.T) {
	t.Parallel()
	db := open(t)
	failing(t, db, 500)
	exec(t, db, `UPDATE batch SET state = 'claimed', session_id = 1 WHERE id = 2`)
	first, second := startReplay(t, db, order(delivery.DeadFilter{})), startReplay(t, db, order(delivery.DeadFilter{}))
	first = stepReplay(t, db, first.UID)
	if first.Reopened != 4 || first.State != delivery.ReplayRunning {
		t.Errorf("%+v", first)
	}
	exec(t, db, `UPDATE batch SET state = 'done' WHERE id = 2`)
	second = stepReplay(t, db, second.UID)
	first = stepReplay(t, db, first.UID)
	if first.Reopened+second.Reopened != 5 {
		t.Errorf("%d and %d were made owed again", first.Reopened, second.Reopened)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM reopening`); n != 5 {
		t.Errorf("%d stand in the history", n)
	}
	settle(t, db, delivery.Failed)
	exec(t, db, `UPDATE publication SET state = 'cancelled'`)
	third := startReplay(t, db, order(delivery.DeadFilter{}))
	for range 2 {
		third = stepReplay(t, db, third.UID)
	}
	if third.Refused != 5 || third.Reopened != 0 || third.State != delivery.ReplayCompleted {
		t.Errorf("%+v", third)
	}
}

func TestDeadLetterFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 300)
	ctx := t.Context()
	uid := value[ident.UID](t, db, `SELECT uid FROM publication WHERE id = $1`, id)
	exec(t, db, `UPDATE dead_letter SET fingerprint = 'g', error_code = 'other', created_at = now() - interval '1 hour' WHERE recipient_id = 102`)
	other, hour, now := ident.New(), time.Now().Add(-30*time.Minute), time.Now().Add(time.Minute)
	for name, tc := range map[string]struct {
		filter delivery.DeadFilter
		want   int64
	}{
		"all": {delivery.DeadFilter{}, 3}, "publication": {delivery.DeadFilter{Publication: &uid}, 3},
		"another": {delivery.DeadFilter{Publication: &other}, 0}, "channel": {delivery.DeadFilter{Channel: "email"}, 3},
		"another channel": {delivery.DeadFilter{Channel: "slack"}, 0}, "queue": {delivery.DeadFilter{Queue: "email"}, 3},
		"bulk": {delivery.DeadFilter{Queue: "email-bulk"}, 0}, "no queue for it": {delivery.DeadFilter{Channel: "slack", Queue: "email"}, 0},
		"cause": {delivery.DeadFilter{Fingerprint: "g"}, 1}, "code": {delivery.DeadFilter{Code: "busy"}, 2},
		"since": {delivery.DeadFilter{Since: &hour}, 2}, "until": {delivery.DeadFilter{Until: &hour}, 1},
		"both": {delivery.DeadFilter{Since: &hour, Until: &now}, 2}, "ids": {delivery.DeadFilter{IDs: []int64{1, 2, 77}}, 2},
	} {
		if n, err := db.CountDeadLetters(ctx, tc.filter); err != nil || n != tc.want {
			t.Errorf("%s: %d, %v, want %d", name, n, err, tc.want)
		}
	}
	groups, err := db.DeadGroups(ctx, delivery.DeadFilter{}, 10)
	if err != nil || len(groups) != 2 || groups[0].Count != 2 || groups[1].Fingerprint != "g" || groups[0].Publications != 1 {
		t.Errorf("%+v, %v", groups, err)
	}
	if page, err := db.DeadLetters(ctx, delivery.DeadFilter{}, 3, 2); err != nil || len(page) != 2 || page[0].ID != 2 || page[0].Publication != uid {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := db.DeleteDeadLetters(ctx, delivery.DeadFilter{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("all at once: %v", err)
	}
	if n, err := db.DeleteDeadLetters(ctx, delivery.DeadFilter{Code: "busy"}); n != 2 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	if _, _, err := db.DeadLetter(ctx, 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deleted one: %v", err)
	}
}
