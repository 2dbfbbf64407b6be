package consent

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Times and bounds of confirmations.
const (
	// ConfirmTime is for how long the link of a confirmation works, PreferTime that to one's preferences.
	ConfirmTime = 7 * 24 * time.Hour
	PreferTime  = 24 * time.Hour
	// MaxRequests is how many confirmations, and how many links to preferences, are mailed to one address within RequestTime,
	// whoever asks for them: nobody is to fill a stranger's mailbox.
	MaxRequests = 3
	RequestTime = 24 * time.Hour
)

// Outcome is what became of a request that somebody tried to confirm.
type Outcome int

// The outcomes.
const (
	// Stale: it was withdrawn since, or is of nobody or another address now.
	Stale Outcome = iota
	// Now: they are subscribed from now on.
	Now
	// Before: they were already.
	Before
)

// Request is what somebody asked for and has yet to confirm.
type Request struct {
	// ID is that of the entry, SubscriberID the reader's internal id.
	ID, SubscriberID int64
	Subscriber       ident.UID
	Email, Language  string
	// Topics are slugs, sorted. The reader has them once they confirm.
	Topics []string
	// Done: they are subscribed already. Void: they withdrew since, or have another address.
	Done, Void bool
}

// Reader is who looks at a page of their own.
type Reader struct {
	ID              int64
	UID             ident.UID
	Email, Language string
	Status          string
	// Version is the subscriber's.
	Version int
}
