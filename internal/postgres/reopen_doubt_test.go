package postgres

import (
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/delivery"
)

// TestReopenedUncertainAreInDoubt: who failed for certain and is owed again is not, whoever may have got it is.
func TestReopenedUncertainAreInDoubt(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := failing(t, db, 100)
	doReopen(t, db, delivery.Failed, key(id, 2))
	doReopen(t, db, delivery.Uncertain, key(id, 3))
	b, err := db.Claim(t.Context(), openSession(t, db), 1, value[int](t, db, `SELECT gen FROM batch`), 1)
	if err != nil || b == nil {
		t.Fatalf("claim: %v, %v", b, err)
	}
	owed, err := db.Owed(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.IndexFunc(owed, func(r delivery.Recipient) bool { return r.InDoubt })
	if len(owed) != 2 || got != 1 || owed[got].ID != 3 {
		t.Errorf("%+v are owed", owed)
	}
}

// owedAgain has the uncertain recipient 3 and the failed recipient 2 of a hundred sent to again; the rest are settled.
func owedAgain(t *testing.T, db *DB) (id int64) {
	t.Helper()
	id = failing(t, db, 100)
	doReopen(t, db, delivery.Failed, key(id, 2))
	doReopen(t, db, delivery.Uncertain, key(id, 3))
	return id
}

// isUncertain checks that recipient 3, and nobody else, is uncertain again, in the ledger, the list and the counters.
func isUncertain(t *testing.T, db *DB, others string) {
	t.Helper()
	for what, sql := range map[string]string{
		"the ledger":  `SELECT string_agg(recipient_id || ':' || state || ':' || reason, ' ' ORDER BY recipient_id) FROM delivery WHERE recipient_id IN (2, 3)`,
		"the list":    `SELECT '2:` + others + ` ' || string_agg(recipient_id || ':7:7', ' ') FROM uncertain WHERE due > clock_timestamp()`,
		"the counter": `SELECT '2:` + others + ` 3:7:' || 7 * sum(n_uncertain) FROM batch`,
	} {
		if got, want := value[string](t, db, sql), "2:"+others+" 3:7:7"; got != want {
			t.Errorf("%s says %s, want %s", what, got, want)
		}
	}
}

func TestCancelKeepsDoubts(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := owedAgain(t, db)
	exec(t, db, `UPDATE publication SET state = 'cancelling'`)
	if err := db.finishCancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if state := value[string](t, db, `SELECT state FROM publication`); state != "cancelled" {
		t.Errorf("it is %s", state)
	}
	isUncertain(t, db, "9:4")
}

// TestCancelKeepsDoubtsOfTheDeferred: that somebody is put off says nothing of the first message.
func TestCancelKeepsDoubtsOfTheDeferred(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := owedAgain(t, db)
	exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day'`)
	if got := sendAll(t, db); len(got) != 0 {
		t.Fatalf("sent to %v", got)
	}
	if n := value[int](t, db, `SELECT count(*) FROM held`); n != 2 {
		t.Fatalf("%d are held", n)
	}
	exec(t, db, `UPDATE publication SET state = 'cancelling'`)
	if err := db.finishCancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	wantHeldConsistent(t, db)
	isUncertain(t, db, "9:4")
}

func TestQuarantineKeepsDoubts(t *testing.T) {
	t.Parallel()
	db := open(t)
	waitForServerAge(t, db)
	owedAgain(t, db)
	exec(t, db, `UPDATE sender_session SET ended_at = clock_timestamp()`)
	gen := value[int](t, db, `SELECT gen FROM batch`)
	var took *delivery.Takeover
	for i := range delivery.MaxCrashes {
		took = die(t, db, gen+i, 0)
	}
	if took.Quarantined != 1 || took.Batches != 0 {
		t.Errorf("the last death: %+v", took)
	}
	isUncertain(t, db, "6:12")
}
