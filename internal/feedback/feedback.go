// Package feedback is what providers say about mails after they accepted them: delivered, bounced, complained about. An
// event settles its delivery in the ledger, is evidence for one that is uncertain, and may put an address on the
// suppression list. Events come late, out of order, doubled and, if the provider is faster than our own commit, early:
// none of that changes the outcome.
package feedback

import (
	"crypto/sha256"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Kind of an event, as stored. The order is that of a delivery's life: of events that come together, those of an
// earlier kind are applied first.
type Kind int16

// The kinds.
const (
	// Accepted: the provider has the mail. It is evidence for an uncertain delivery and changes no other.
	Accepted Kind = 1
	// Delivered: the receiver's server took it.
	Delivered Kind = 2
	// SoftBounced: the receiver's server would not take it for a reason that may pass (full mailbox, too large, an
	// automatic reply). It is counted and changes no state but uncertain.
	SoftBounced Kind = 3
	// Bounced: the receiver's server refused for good.
	Bounced Kind = 4
	// Complained: the reader called it spam.
	Complained Kind = 5
	// Rejected: the provider accepted it and then would not send it (a virus was found).
	Rejected Kind = 6
)

var kindNames = [...]string{"", "accepted", "delivered", "soft_bounced", "bounced", "complained", "rejected"}

// String is the kind as metrics show it.
func (k Kind) String() string {
	if k < 1 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Kinds is every kind, in the order in which they are applied.
func Kinds() []Kind { return []Kind{Accepted, Delivered, SoftBounced, Bounced, Complained, Rejected} }

// Key is the same for the same event, however often and in whatever form it comes.
type Key [16]byte

// NewKey makes the key of what a provider calls by these words.
func NewKey(words ...string) Key {
	h := sha256.New()
	for _, word := range words {
		_, _ = h.Write([]byte(word)) // a hash does not fail
		_, _ = h.Write([]byte{0})
	}
	return Key(h.Sum(nil))
}

// Event is what a provider said about one delivery.
type Event struct {
	Key  Key
	Kind Kind
	// Publication, Channel ("email") and Recipient name the delivery, as channel.Identity does.
	Publication ident.UID
	Channel     string
	Recipient   int64
	// At is when it happened, by the provider's clock.
	At time.Time
	// Suppress are addresses in canonical form that must not be sent to any more: of Bounced and Complained. They are
	// personal: neither logged nor stored.
	Suppress []string
	// Kept: the provider kept the mail back, since the address is on a list of its own. A complaint says otherwise that
	// the mail was delivered.
	Kept bool
	// Source is the provider's name, Cause its word for what went wrong ("Permanent/General"), without personal data.
	Source, Cause string
}

// Result is what became of an event.
type Result string

// The results.
const (
	// Applied events changed something.
	Applied Result = "applied"
	// Repeated events were applied before, or came too late to matter.
	Repeated Result = "repeated"
	// Early events wait for their delivery to be written.
	Early Result = "early"
	// Unknown events are about no delivery in the ledger.
	Unknown Result = "unknown"
)
