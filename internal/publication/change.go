package publication

import (
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// Present is what decides about changes of a publication: how it is now.
type Present struct {
	State State
	// Begun says that it was queued once: a worker may have read it.
	Begun bool
	// Approval is nil if nobody asked for one.
	Approval    *Approval
	ScheduledAt *time.Time
	// CreatedBy made it, ChangedBy changed it last (or made it).
	CreatedBy, ChangedBy string
}

// Change is a publication as it shall be: everything is replaced.
type Change struct {
	Resolved
	// Verb is what the audit log calls it: "update", "rollback" or "publish".
	Verb string
	// Publish sends a draft on its way; else a draft stays one.
	Publish bool
	// Review says that somebody else has to approve it before it goes its way.
	Review bool
}

// Editable is nil if the publication may be changed: it is a draft, scheduled, or was paused before its time came. Of what
// was queued once a worker may hold a copy, so that changing it could send something of both; it can be cloned.
func (p Present) Editable() error {
	switch {
	case p.Begun:
	case p.State == Draft, p.State == Scheduled, p.State == Paused:
		return nil
	}
	return fault.New(fault.Conflict, "wrong_state", "A publication that is "+string(p.State)+" cannot be changed: clone it.")
}

// Deletable is nil if the publication may be removed: a draft, a scheduled one, and one that was cancelled before it began to
// go out. What was sent is a record.
func (p Present) Deletable(started bool) error {
	switch {
	case started:
	case p.State == Draft, p.State == Scheduled, p.State == Cancelled:
		return nil
	}
	return fault.New(fault.Conflict, "wrong_state", "Only a draft, a scheduled publication and one that was cancelled before it began can be deleted.")
}

// After is the state and the review of a publication after a change by actor:
//
//   - a draft stays one, until it is published;
//   - a scheduled or paused one keeps its state, or becomes a draft if the change says so;
//   - what needs a review becomes, or stays, a draft that waits for it, whoever approved it before.
//
// Errors are Conflict (wrong_state) and Invalid (a scheduled publication that is to lose its time: "at once" is never
// meant by leaving something out).
func (p Present) After(c Change, actor string, now time.Time) (State, *Approval, error) {
	if err := p.Editable(); err != nil {
		return "", nil, err
	}
	asked := &Approval{State: ApprovalRequested, RequestedBy: actor, RequestedAt: now}
	waits := p.Approval != nil && p.Approval.State == ApprovalRequested
	switch {
	case c.Publish && (p.State != Draft || waits):
		return "", nil, fault.New(fault.Conflict, "wrong_state", "Only a draft that does not wait for approval can be published.")
	case c.Publish && c.Review:
		return Draft, asked, nil
	case c.Publish:
		return goes(c.ScheduledAt, now), nil, nil
	case p.State == Draft && p.Approval != nil && c.Review && !c.Draft:
		return Draft, asked, nil // it was published once, and waits anew
	case p.State == Draft, c.Draft:
		return Draft, nil, nil
	case c.ScheduledAt == nil:
		var f fault.Fields
		f.Add("/schedule_at", "required", "is required while it is scheduled: make it a draft, or cancel it")
		return "", nil, f.Err()
	case c.Review:
		return Draft, asked, nil
	default:
		return p.State, nil, nil
	}
}
