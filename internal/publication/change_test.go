package publication

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// TestWhatMayBeDone: changes and deletions of each state, before and after a worker may have read it.
func TestWhatMayBeDone(t *testing.T) {
	t.Parallel()
	changed := map[State]bool{Draft: true, Scheduled: true, Paused: true}
	deleted := map[State]bool{Draft: true, Scheduled: true, Cancelled: true}
	for _, s := range States() {
		if err := (Present{State: s}).Editable(); (err == nil) != changed[s] {
			t.Errorf("change of %s: %v", s, err)
		}
		if err := (Present{State: s, Begun: true}).Editable(); !fault.Is(err, fault.Conflict) {
			t.Errorf("change of %s that began: %v", s, err)
		}
		if err := (Present{State: s, Begun: true}).Deletable(false); (err == nil) != deleted[s] {
			t.Errorf("deletion of %s: %v", s, err)
		}
		if err := (Present{State: s}).Deletable(true); !fault.Is(err, fault.Conflict) {
			t.Errorf("deletion of %s that was sent: %v", s, err)
		}
	}
}

// TestAChangeAsksAnew: whoever approved before, and a scheduled publication never loses its time by an omission.
func TestAChangeAsksAnew(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := now.Add(time.Hour)
	approved := &Approval{State: Approved, DecidedBy: "bob"}
	change := func(at *time.Time, review, draft bool) Change {
		return Change{Resolved: Resolved{Order: Order{ScheduledAt: at, Draft: draft}}, Review: review}
	}
	p := Present{State: Scheduled, Approval: approved, CreatedBy: "ann", ChangedBy: "ann"}
	state, approval, err := p.After(change(&at, true, false), "cid", now)
	if err != nil || state != Draft || approval.State != ApprovalRequested || approval.RequestedBy != "cid" || approval.DecidedBy != "" {
		t.Errorf("%s, %+v, %v", state, approval, err)
	}
	if state, approval, err = p.After(change(&at, false, false), "cid", now); err != nil || state != Scheduled || approval != nil {
		t.Errorf("without need: %s, %+v, %v", state, approval, err)
	}
	if _, _, err = p.After(change(nil, false, false), "cid", now); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a time: %v", err)
	}
	if state, approval, err = p.After(change(nil, false, true), "cid", now); err != nil || state != Draft || approval != nil {
		t.Errorf("back to a draft: %s, %+v, %v", state, approval, err)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	now := time.Now()
	past, ahead := now.Add(-time.Second), now.Add(time.Hour)
	p := Present{State: Draft, Approval: &Approval{State: ApprovalRequested, RequestedBy: "cid"}, CreatedBy: "ann", ChangedBy: "bob"}
	for _, who := range []string{"ann", "bob", "cid"} {
		if _, _, err := p.Decide(Verdict{Approve: true}, who, 3, now); fault.CodeOf(err) != "own_publication" || !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s approves: %v", who, err)
		}
		if a, next, err := p.Decide(Verdict{Reason: "no"}, who, 3, now); err != nil || next != Draft || a.State != Rejected || a.Reason != "no" {
			t.Errorf("%s rejects: %+v, %s, %v", who, a, next, err)
		}
	}
	for at, want := range map[*time.Time]State{nil: Queued, &past: Queued, &ahead: Scheduled} {
		p.ScheduledAt = at
		a, next, err := p.Decide(Verdict{Approve: true}, "dan", 3, now)
		if err != nil || next != want || a.State != Approved || a.DecidedBy != "dan" || a.Version != 3 || a.RequestedBy != "cid" {
			t.Errorf("%+v, %s, %v", a, next, err)
		}
	}
	p.Approval = nil
	if _, _, err := p.Decide(Verdict{Approve: true}, "dan", 3, now); !fault.Is(err, fault.Conflict) {
		t.Errorf("nobody asked: %v", err)
	}
}
