package delivery

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// DeadFilter chooses among dead letters. Its zero value chooses all that were not replayed. It is stored with a replay:
// names of fields do not change.
type DeadFilter struct {
	Publication *ident.UID `json:"publication_id,omitempty"`
	// Channel is a kind: "email". Queue is where its batches wait: "email-bulk".
	Channel     string     `json:"channel,omitempty"`
	Queue       string     `json:"queue,omitempty"`
	Fingerprint string     `json:"fingerprint,omitempty"`
	Code        string     `json:"code,omitempty"`
	Since       *time.Time `json:"since,omitempty"` // failed at or after
	Until       *time.Time `json:"until,omitempty"` // failed before
	IDs         []int64    `json:"ids,omitempty"`
	// Replayed takes those in that were replayed and have not failed again.
	Replayed bool `json:"replayed,omitempty"`
}

// Empty reports a filter that restricts nothing.
func (f DeadFilter) Empty() bool {
	return f.Publication == nil && f.Channel == "" && f.Queue == "" && f.Fingerprint == "" && f.Code == "" &&
		f.Since == nil && f.Until == nil && len(f.IDs) == 0
}

// Letter is a stored dead letter.
type Letter struct {
	ID          int64
	Publication ident.UID
	Channel     int16
	Lane        int16
	// Recipient is the subscriber or the channel; zero if it is gone.
	Recipient ident.UID
	Attempts  int16
	DeadLetter
	FailedAt time.Time
	// ReplayedAt is when it was made owed again and has not failed since; nil: it was not. ReplayedBy says by whom.
	ReplayedAt *time.Time
	ReplayedBy string
}

// LetterGroup is the dead letters with one cause.
type LetterGroup struct {
	Channel int16
	DeadLetter
	Count        int64
	Publications int64
	First, Last  time.Time
	// Newest is the id of one of them.
	Newest int64
}

// Reopening is one time that a settled recipient was made owed again.
type Reopening struct {
	At          time.Time
	By          string
	Was         State
	Reason      Reason
	Attempts    int16
	Fingerprint string
	Replay      *ident.UID
}
