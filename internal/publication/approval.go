package publication

import (
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// MaxReason is how many characters the reason of a rejection may have.
const MaxReason = 500

// ApprovalState is where the review of a publication is.
type ApprovalState string

// The states of a review.
const (
	ApprovalRequested ApprovalState = "requested"
	Approved          ApprovalState = "approved"
	Rejected          ApprovalState = "rejected"
)

// ApprovalStates is every state of a review.
func ApprovalStates() []ApprovalState { return []ApprovalState{ApprovalRequested, Approved, Rejected} }

// Approval is the review of a publication by another person. It is stored and shown as JSON.
type Approval struct {
	State       ApprovalState `json:"state"`
	RequestedBy string        `json:"requested_by"`
	RequestedAt time.Time     `json:"requested_at"`
	// DecidedBy and the rest are absent while nobody has decided.
	DecidedBy string     `json:"decided_by,omitempty"`
	DecidedAt *time.Time `json:"decided_at,omitempty"`
	// Version is the one that was decided about.
	Version int `json:"version,omitempty"`
	// Reason is why it was rejected.
	Reason string `json:"reason,omitempty"`
}

// Verdict is what somebody decided about a publication that waits for it.
type Verdict struct {
	Approve bool
	// Reason is why not: 1 to MaxReason characters with a rejection, empty with an approval.
	Reason string
}

// Decide is the review after a verdict of actor about the version, and the state that the publication goes to. It is a
// Conflict (wrong_state) if nobody asked, and Forbidden (own_publication) if actor approves what they made, changed last
// or asked approval of.
func (p Present) Decide(v Verdict, actor string, version int, now time.Time) (Approval, State, error) {
	if p.State != Draft || p.Approval == nil || p.Approval.State != ApprovalRequested {
		return Approval{}, "", fault.New(fault.Conflict, "wrong_state", "This publication does not wait for approval.")
	}
	a := *p.Approval
	if v.Approve && (actor == p.CreatedBy || actor == p.ChangedBy || actor == a.RequestedBy) {
		return Approval{}, "", fault.New(fault.Forbidden, "own_publication", "Somebody else has to approve it: not who made it, nor who changed it last.")
	}
	a.State, a.Reason, a.DecidedBy, a.DecidedAt, a.Version = Rejected, v.Reason, actor, &now, version
	if !v.Approve {
		return a, Draft, nil
	}
	a.State = Approved
	return a, goes(p.ScheduledAt, now), nil
}

// goes is the state of a publication that is on its way, by its time.
func goes(at *time.Time, now time.Time) State {
	if at != nil && at.After(now) {
		return Scheduled
	}
	return Queued
}
