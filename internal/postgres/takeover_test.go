package postgres

import "testing"

// TestClaimThatMetATakeover has a process that was frozen claim a batch while its session is being taken over: the
// claim does not see the end of its session yet, and the takeover does not see the claim.
func TestClaimThatMetATakeover(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 100)
	ctx := t.Context()
	session := openSession(t, db)
	tx, err := db.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `UPDATE sender_session SET ended_at = clock_timestamp() WHERE id = $1`, session); err != nil {
		t.Fatal(err)
	}
	b, err := db.Claim(ctx, session, 1, 1, 1)
	if err != nil || b == nil {
		t.Fatalf("claim: %v, %v", b, err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := db.TakeOver(ctx); err != nil || got == nil || got.Batches != 1 {
		t.Errorf("takeover %+v, %v", got, err)
	}
	if got, err := db.TakeOver(ctx); err != nil || got != nil {
		t.Errorf("a second takeover %+v, %v", got, err)
	}
	if again, err := db.Claim(ctx, openSession(t, db), 1, 2, 1); err != nil || again == nil {
		t.Errorf("nobody can claim the batch again: %v, %v", again, err)
	}
}
