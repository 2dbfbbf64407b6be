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
}

// Accepted is the promise that a publication is stored. It is the same for each repetition of a request.
type Accepted struct {
	UID       ident.UID
	CreatedAt time.Time
	// ScheduledAt is nil for at once.
	ScheduledAt *time.Time
	// Replay says that an earlier request with the same key stored it.
	Replay bool
}

// State is the state in which the publication was accepted.
func (a Accepted) State() State {
	if a.ScheduledAt != nil {
		return Scheduled
	}
	return Queued
}
