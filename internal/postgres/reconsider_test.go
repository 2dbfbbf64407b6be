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

// TestHoursChanged: what quiet hours held goes when there are none any more, and what waits for a digest waits for the new time.
func TestHoursChanged(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 3)
	exec(t, db, quietNow)
	exec(t, db, `UPDATE subscriber SET frequency = 2 WHERE id = 3`)
	fanOut(t, db, queued(t, db, publication.Audience{All: true}), 1)
	const digest = `SELECT due FROM held WHERE recipient_id = 3`
	before := value[time.Time](t, db, digest)
	p := eligibility.Policy{Digest: eligibility.DigestTime{Minute: 8*60 + 7, Weekday: time.Monday}}
	if _, err := db.ChangeDeliveryPolicy(t.Context(), p, anyVersion); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE delivery_policy SET updated_at = updated_at - interval '1 minute'`)
	releaseDue(t, db, 2)
	if after := value[time.Time](t, db, digest).UTC(); after.Equal(before) || after.Minute() != 7 {
		t.Errorf("the digest is at %s, and was at %s", after, before)
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
