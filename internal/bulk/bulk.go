// Package bulk is many changes in one call: what a call asks for, and what became of each of its items.
package bulk

import (
	"crypto/sha256"

	"github.com/presswork/presswork/internal/ident"
)

// Limits of a call (REQUIREMENTS C10).
const (
	MaxSubscribers  = 1000
	MaxPublications = 100
)

// Mode says what becomes of a call some of whose items cannot be done.
type Mode string

// The modes. AllOrNothing is what a call has that names none: who looks at the status alone is not deceived.
const (
	// AllOrNothing writes nothing unless every item can be done.
	AllOrNothing Mode = "all_or_nothing"
	// PerItem does what can be done, exactly as if the items had come one after the other.
	PerItem Mode = "per_item"
)

// Modes is every mode.
func Modes() []Mode { return []Mode{AllOrNothing, PerItem} }

// Action is what an item wants.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Actions is every action.
func Actions() []Action { return []Action{Create, Update, Delete} }

// Outcome is what became of an item.
type Outcome struct {
	// UID is what it was about: of an item that was to make something and could not, zero.
	UID ident.UID
	// Version is what it has now; 0 once it is deleted, or if nothing was done.
	Version int
	// State is that of a publication that was made or changed.
	State string
	// Err is why it was not done; nil: it was.
	Err error
}

// Failed is how many were not done.
func Failed(outcomes []Outcome) int {
	n := 0
	for _, o := range outcomes {
		if o.Err != nil {
			n++
		}
	}
	return n
}

// Call is what the items of a request have in common.
type Call struct {
	Mode Mode
	// Route and Key are where it was asked, and the client's Idempotency-Key, empty for none. Digest stands for the request.
	Route, Key string
	Digest     [sha256.Size]byte
	// Answer is what is answered, and kept beside the key for who repeats the request. It has no other effect.
	Answer func([]Outcome) (string, error)
}

// Result is what became of a call.
type Result struct {
	// Outcomes are those of the items, in their order; nil of a Replay.
	Outcomes []Outcome
	// Done is false if nothing was written, because an item failed in a call that was all or nothing.
	Done bool
	// Answer is what Call.Answer made: now, or in a Replay when the request came first.
	Answer string
	Replay bool
}
