package postgres

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
)

// TestPolicyChangeReleases: what is held by a policy goes when the policy lets it, and not when the old one would have; what a
// reader asked for stays, and so does what is held by the new one. It is looked at some at a time, and once.
func TestPolicyChangeReleases(t *testing.T) {
	t.Parallel()
	db := open(t)
	const readers = reconsiderPage + 500
	subscribers(t, db, readers)
	change := func(p eligibility.Policy) {
		t.Helper()
		if _, err := db.ChangeDeliveryPolicy(t.Context(), p, anyVersion); err != nil {
			t.Fatal(err)
		}
		exec(t, db, `UPDATE delivery_policy SET updated_at = updated_at - interval '1 minute'`)
	}
	change(eligibility.Policy{Caps: []eligibility.Cap{{Limit: 1, Window: 720 * time.Hour}}})
	if _, got := published(t, db, publication.Audience{All: true}); len(got) != readers {
		t.Fatalf("sent to %d", len(got))
	}
	exec(t, db, `UPDATE subscriber SET paused_until = now() + interval '1 day' WHERE id <= 3`)
	_, _ = published(t, db, publication.Audience{All: true})
	for range 3 { // the policy was changed before that was held
		releaseDue(t, db, 0)
	}
	change(eligibility.Policy{Caps: []eligibility.Cap{{Limit: 1, Window: 360 * time.Hour}}})
	for range 3 {
		releaseDue(t, db, 0)
	}
	if n := value[int](t, db, `SELECT count(*) FROM held WHERE due < now() + interval '16 days'`); n != readers {
		t.Errorf("%d of %d are held for a shorter time", n, readers)
	}
	change(eligibility.Policy{})
	for _, want := range []int{reconsiderPage - 3, 500, 0} {
		releaseDue(t, db, want)
	}
	if value[bool](t, db, `SELECT reconsider IS NOT NULL FROM delivery_policy`) {
		t.Error("there is more to look at")
	}
	if got := sendAll(t, db); len(got) != readers-3 || got[3] != 0 {
		t.Errorf("sent to %d", len(got))
	}
}

// TestPolicyChangeWaits for those who decide by the old policy.
func TestPolicyChangeWaits(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	capTo(t, db, 1)
	_, _ = published(t, db, publication.Audience{All: true})
	_, _ = published(t, db, publication.Audience{All: true})
	if _, err := db.ChangeDeliveryPolicy(t.Context(), eligibility.Policy{}, anyVersion); err != nil {
		t.Fatal(err)
	}
	releaseDue(t, db, 0)
	exec(t, db, `UPDATE delivery_policy SET updated_at = updated_at - interval '6 seconds'`)
	releaseDue(t, db, 3)
}
