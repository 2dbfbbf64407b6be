package subscriber

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// ErasureState is how far an erasure is.
type ErasureState string

// The states.
const (
	// ErasureRunning: their address is looked for in what others wrote. Nothing is sent to them any more.
	ErasureRunning ErasureState = "running"
	// ErasureCompleted: it is nowhere, and nothing personal is left in the erasure itself.
	ErasureCompleted ErasureState = "completed"
)

// Erasure is what was taken away of a person, and how far that is. What counts people, and what proves that nothing more may be
// sent to them, stays.
type Erasure struct {
	ID    int64
	UID   ident.UID
	State ErasureState
	// Subscriber: there was one with the address.
	Subscriber bool
	// Messages is how many were to them, Mentions in how many other rows their address stood.
	Messages, Mentions int64
	// Suppressed: the suppression list had not their address before.
	Suppressed bool
	// Look is how often all tables are looked through, this time included. TablesDone is how many of all Tables this look is through
	// with, and Table the one that it is at; empty when it is through.
	Look, TablesDone, Tables int
	Table                    string
	// Read is how many rows were looked at.
	Read int64
	// DueAt is when the search goes on, if that is not now.
	DueAt                time.Time
	CreatedAt, UpdatedAt time.Time
	CompletedAt          *time.Time // nil: it is running
}

// Erasures is what is still to be done.
type Erasures struct {
	Running int64
	// Oldest is the age of the oldest, 0 if there is none.
	Oldest time.Duration
}
