package postgres

import (
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// TestTwoChangesOfOneVersion: of those who read the same version, one succeeds.
func TestTwoChangesOfOneVersion(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	uid := n.stored(t, "ann", false, asDraft)
	c := n.change(t, "Other", asDraft)
	errs := together(6, func(int) error {
		_, err := n.ChangePublication(t.Context(), uid, only(1), c)
		return err
	})
	lost := 0
	for _, err := range errs {
		if err != nil && fault.CodeOf(err) != "version_mismatch" {
			t.Error(err)
		} else if err != nil {
			lost++
		}
	}
	if lost != 5 {
		t.Errorf("%d of 6 were refused", lost)
	}
}

// together calls do at once, and returns what each came to.
func together(times int, do func(i int) error) []error {
	errs := make([]error, times)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { errs[i] = do(i) })
	}
	group.Wait()
	return errs
}

// TestPublishAndDeleteAtOnce: it is sent or gone, never both.
func TestPublishAndDeleteAtOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	publish := n.change(t, "Spring")
	publish.Publish = true
	for range 10 {
		n.exec(t, `DELETE FROM outbox`)
		uid := n.stored(t, "ann", false, asDraft)
		errs := together(2, func(i int) error {
			if i == 0 {
				return n.DeletePublication(t.Context(), uid, anyVersion)
			}
			_, err := n.ChangePublication(t.Context(), uid, anyVersion, publish)
			return err
		})
		left := value[int](t, n.DB, `SELECT count(*)::int FROM publication WHERE uid = $1`, uid)
		tasks := len(n.outboxIDs(t))
		if (errs[0] == nil) == (errs[1] == nil) || left != tasks || (left == 1) != (errs[1] == nil) {
			t.Errorf("deleted: %v, published: %v; %d left with %d tasks", errs[0], errs[1], left, tasks)
		}
	}
}

// TestApproveAndChangeAtOnce: what was approved is sent, or what was changed waits; a change is never sent unseen.
func TestApproveAndChangeAtOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	c := n.change(t, "Changed")
	c.Review = true
	for range 10 {
		uid := n.stored(t, "ann", true, nil)
		errs := together(2, func(i int) error {
			if i == 0 {
				_, err := n.DecidePublication(by(t, "bob"), uid, only(1), publication.Verdict{Approve: true})
				return err
			}
			_, err := n.ChangePublication(by(t, "ann"), uid, anyVersion, c)
			return err
		})
		p, err := n.Publication(t.Context(), uid)
		if err != nil {
			t.Fatal(err)
		}
		sent := p.State == publication.Queued && p.Title == "Spring" && errs[0] == nil && fault.Is(errs[1], fault.Conflict)
		waits := p.State == publication.Draft && p.Title == "Changed" && p.Approval.State == publication.ApprovalRequested &&
			fault.CodeOf(errs[0]) == "version_mismatch" && errs[1] == nil
		if !sent && !waits {
			t.Errorf("%s %q, approved: %v, changed: %v", p.State, p.Title, errs[0], errs[1])
		}
	}
}

func TestDueWhileItIsChanged(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, uid := n.accepted(t, inAnHour)
	n.exec(t, `UPDATE publication SET scheduled_at = clock_timestamp() WHERE id = $1`, id)
	c := n.change(t, "Later", inAnHour)
	errs := together(2, func(i int) error {
		if i == 0 {
			_, err := n.QueueDue(t.Context())
			return err
		}
		_, err := n.ChangePublication(t.Context(), uid, anyVersion, c)
		return err
	})
	p, err := n.Publication(t.Context(), uid)
	later := p.State == publication.Scheduled && p.Title == "Later" && errs[1] == nil && p.ScheduledAt.After(time.Now().Add(time.Minute))
	due := p.State == publication.Queued && p.Title == "Spring" && fault.Is(errs[1], fault.Conflict)
	if err != nil || errs[0] != nil || !later && !due {
		t.Errorf("%+v, %v, %v", p, errs, err)
	}
}

// TestVersionKeptOfAChangeWaitedFor: who waits for another change keeps what that one made, all of it.
func TestVersionKeptOfAChangeWaitedFor(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	other := ident.New()
	n.exec(t, `INSERT INTO sender_identity (uid, name, from_name, from_email, postal_address) VALUES ($1, 'brand', 'Brand', 'brand@example.org', 'Street 2')`, other)
	uid := n.stored(t, "ann", false, asDraft)
	branded := n.change(t, "Branded", asDraft, func(o *publication.Order) { o.Sender = other })
	plain := n.change(t, "Plain", asDraft)
	second := make(chan error, 1)
	_, err := n.ChangePublication(by(t, "ann"), uid, func(int) error {
		go func() {
			_, err := n.ChangePublication(by(t, "bob"), uid, anyVersion, plain)
			second <- err
		}()
		waitForLock(t, n.DB)
		return nil
	}, branded)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	v, err := n.PublicationVersion(t.Context(), uid, 2)
	if err != nil || v.Request.Title != "Branded" || v.Request.Sender != other.String() {
		t.Errorf("version 2 was %q from %q, want %q from %s; %v", v.Request.Title, v.Request.Sender, "Branded", other, err)
	}
}
