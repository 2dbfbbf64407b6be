package publication

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/tasks"
)

// Resolved is an order all of whose names were found: ready to be stored.
type Resolved struct {
	Order
	Lane         tasks.Lane
	SenderID     *int32
	AudienceIDs  Audience
	ContentPins  []Pin
	TemplatePins map[string]Pin // by channel
}

// Submission is a resolved order on its way into the store.
type Submission struct {
	Resolved
	// Key is the client's Idempotency-Key, empty for none; Digest stands for the request it came with.
	Key    string
	Digest [32]byte
	// Review says that somebody else has to approve it first; Origin is what it is a clone of, zero for nothing.
	Review bool
	Origin ident.UID
	// Message is what a publication for one recipient has instead of contents and an audience; nil for any other. Of its
	// Order the title counts, and nothing else.
	Message *Message
}

// Plain reports that it goes its way at once, or at its time, as most do, and that what it is for cannot be gone meanwhile: the
// Acceptor takes it.
func (s Submission) Plain() bool {
	return !s.Draft && !s.Review && s.Origin.IsZero() && s.AudienceIDs.Snapshot == nil
}

// Accepted is the promise that a publication is stored. It is the same for each repetition of a request.
type Accepted struct {
	UID       ident.UID
	CreatedAt time.Time
	// ScheduledAt is nil for at once.
	ScheduledAt *time.Time
	// Draft says that it goes nowhere yet.
	Draft bool
	// Replay says that an earlier request with the same key stored it.
	Replay bool
}

// State is the state in which the publication was accepted.
func (a Accepted) State() State {
	switch {
	case a.Draft:
		return Draft
	case a.ScheduledAt != nil:
		return Scheduled
	default:
		return Queued
	}
}
