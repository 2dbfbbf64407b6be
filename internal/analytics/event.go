// Package analytics says what recipients did with what they got: events, and the counters made of them.
package analytics

import "time"

// Kind of an event, as stored.
type Kind int16

// The kinds.
const (
	Open        Kind = 1
	Click       Kind = 2
	Unsubscribe Kind = 3
)

// Kinds is every kind, in the order of their numbers.
func Kinds() []Kind { return []Kind{Open, Click, Unsubscribe} }

// String is the kind as the API shows it.
func (k Kind) String() string {
	switch k {
	case Open:
		return "open"
	case Click:
		return "click"
	case Unsubscribe:
		return "unsubscribe"
	default:
		return "unknown"
	}
}

// NoLink is the Link of an event that is not a click.
const NoLink int16 = -1

// Event is something a recipient did. It holds ids only, and neither address nor user agent.
type Event struct {
	At          time.Time
	Kind        Kind
	Publication int64
	// Channel is a channel kind's number in the ledger.
	Channel   int16
	Recipient int64
	// Link is the number of the link that was clicked.
	Link int16
}
