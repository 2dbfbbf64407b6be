// Package publication is what a client hands in: content, audience and channels, with the states it goes
// through until everyone it was meant for has been reached or accounted for.
package publication

import (
	"fmt"

	"github.com/presswork/presswork/internal/fault"
)

// State of a publication.
type State string

// The states. Paused and scheduled wait for somebody or something; cancelled, completed,
// completed_with_failures and failed are final.
const (
	Draft                 State = "draft"
	Scheduled             State = "scheduled"
	Queued                State = "queued"
	Rendering             State = "rendering"
	Sending               State = "sending"
	Pausing               State = "pausing"
	Paused                State = "paused"
	Cancelling            State = "cancelling"
	Cancelled             State = "cancelled"
	Completed             State = "completed"
	CompletedWithFailures State = "completed_with_failures"
	Failed                State = "failed"
)

// transitions is the whole machine; the CHECK constraint in migrations/0004 backs the names.
var transitions = map[State][]State{
	Draft:      {Scheduled, Queued, Cancelled},
	Scheduled:  {Queued, Draft, Paused, Cancelled},
	Queued:     {Rendering, Pausing, Cancelling, Failed},
	Rendering:  {Sending, Pausing, Cancelling, Failed},
	Sending:    {Pausing, Cancelling, Completed, CompletedWithFailures, Failed},
	Pausing:    {Paused, Queued, Sending, Cancelling},
	Paused:     {Queued, Sending, Scheduled, Draft, Cancelling},
	Cancelling: {Cancelled},
	// Evidence that arrives later changes counters, never a final state. What is replayed is owed again.
	Completed: {Sending}, CompletedWithFailures: {Sending},
	Cancelled: nil, Failed: nil,
}

// May reports whether a publication can go from one state to another.
func May(from, to State) bool {
	for _, next := range transitions[from] {
		if next == to {
			return true
		}
	}
	return false
}

// Check is a Conflict error unless May(from, to).
func Check(from, to State) error {
	if May(from, to) {
		return nil
	}
	return fault.New(fault.Conflict, "wrong_state", fmt.Sprintf("A publication that is %s cannot become %s.", from, to))
}

// Final reports a state that ends a publication: nothing leaves it by itself. A replay of dead letters, or of who is
// uncertain, makes a completed one sending again.
func (s State) Final() bool {
	switch s {
	case Cancelled, Completed, CompletedWithFailures, Failed:
		return true
	default:
		return false
	}
}

// Reopens reports a state in which recipients of a publication can be made owed again.
func (s State) Reopens() bool {
	return s == Sending || s == Pausing || s == Paused || May(s, Sending) && s.Final()
}

// States is every state, in the order of a publication's life.
func States() []State {
	return []State{Draft, Scheduled, Queued, Rendering, Sending, Pausing, Paused, Cancelling,
		Cancelled, Completed, CompletedWithFailures, Failed}
}
