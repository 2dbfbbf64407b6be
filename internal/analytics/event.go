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
	// Delivered, Bounce, Complaint and SoftBounce are what providers report of a mail after they accepted it.
	Delivered  Kind = 4
	Bounce     Kind = 5
	Complaint  Kind = 6
	SoftBounce Kind = 7
)

// Kinds is every kind, in the order of their numbers.
func Kinds() []Kind {
	return []Kind{Open, Click, Unsubscribe, Delivered, Bounce, Complaint, SoftBounce}
}

// String is the kind as the API shows it.
func (k Kind) String() string {
	switch k {
	case Open:
		return "open"
	case Click:
		return "click"
	case Unsubscribe:
		return "unsubscribe"
	case Delivered:
		return "delivered"
	case Bounce:
		return "bounce"
	case Complaint:
		return "complaint"
	case SoftBounce:
		return "soft_bounce"
	default:
		return "unknown"
	}
}

// NoLink is the Link of an event that is not a click.
const NoLink int16 = -1

// Event is something a recipient did, or that was reported of what they got. It holds ids only, and neither address nor user agent.
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
