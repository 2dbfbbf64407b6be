package delivery

import (
	"slices"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Entry is one delivery of a publication, as its list shows it.
type Entry struct {
	Channel   int16 // a channel kind's number
	Recipient int64
	// UID is the subscriber's, or that of the place; zero once it is no more.
	UID       ident.UID
	State     State
	Reason    Reason
	Used      int16 // attempts, since it was made or replayed
	SettledAt *time.Time
	// Until is when a deferred one is looked at again.
	Until *time.Time
}

// Find chooses deliveries of a publication, by channel and recipient. The zero value of a part lets all through.
type Find struct {
	States  []State
	Reasons []Reason
	Channel int16
	// AfterChannel and AfterRecipient are where the list goes on. At most Limit are returned.
	AfterChannel   int16
	AfterRecipient int64
	Limit          int
}

// Found is a page of deliveries. Without more than Limit of them, Done says whether the ledger has been looked through; if
// not, the list goes on after the last that was looked at.
type Found struct {
	Entries       []Entry
	Done          bool
	LastChannel   int16
	LastRecipient int64
}

// Timeline is all that is known of one recipient of a publication.
type Timeline struct {
	UID ident.UID
	// Personal says that it is a subscriber, and no place.
	Personal bool
	// Reader is the subscriber as they are now.
	Reader Reader
	// Deliveries are one for each channel; none for who is no recipient, and Absence says why.
	Deliveries []Account
	Absence    Absence
	// Gathered: the publication is a digest of what was held back.
	Gathered bool
}

// Reader is what a choice of contents goes by.
type Reader struct {
	Language string
	Topics   []string
	// Kept says that they were not changed since the audience was expanded.
	Kept bool
}

// Account is what became of one delivery.
type Account struct {
	Entry
	// Sending: it is on a sender's in-flight list just now.
	Sending bool
	// Choice is what was chosen for the reader, packed; nil for a place, which gets everything.
	Choice   []byte
	Attempts []Attempt // oldest first
	Events   []Event   // oldest first, at most MaxEvents
	// Digest is the publication that has what this delivery would have brought, once it goes out; zero for any other.
	Digest ident.UID
}

// MaxEvents bounds the events that a timeline shows of one delivery: some programs open a mail every minute.
const MaxEvents = 500

// Attempt is one call to a provider, or what may have been one. With Number 0 it is none: the recipient was deferred, until it
// was due, or somebody, By, made the recipient owed again, and attempts are counted anew.
type Attempt struct {
	Number int16
	By     string
	At     time.Time
	// State is what it left the recipient in: Pending is a failure that is tried again.
	State  State
	Reason Reason
	// Late is evidence that came after the process had lost its session.
	Late  bool
	Cause Cause // zero of a success
	// Outlet is the channel by which it went, OutletName its name; zero if that is not known, or gone.
	Outlet     ident.UID
	OutletName string
}

// Event is something that a recipient did, or that a provider told later. Kind is a number of the package analytics.
type Event struct {
	Kind int16
	At   time.Time
	// Link is the number of a link that was clicked, -1 for none, and URL where it led.
	Link int16
	URL  string
}

// Story is every attempt, oldest first, with the last one if that was a plain success: that has no row but the delivery's
// own.
func (a Account) Story() []Attempt {
	if a.Used == 0 || a.SettledAt == nil {
		return a.Attempts
	}
	for _, tried := range slices.Backward(a.Attempts) {
		if tried.Number == a.Used {
			return a.Attempts
		}
		if tried.Number == 0 && tried.State != Deferred {
			break // those before were counted for themselves
		}
	}
	last := Attempt{Number: a.Used, At: *a.SettledAt, State: a.State, Reason: a.Reason}
	if a.State == Delivered || a.State == Bounced || a.State == Complained {
		last.State = Sent // what became known later is no attempt
	}
	return append(slices.Clip(a.Attempts), last)
}
