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
