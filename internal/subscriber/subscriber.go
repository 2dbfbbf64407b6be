// Package subscriber is a reader: who they are, what they chose, and whether they consented. It reads
// readers from forms and CSV files, and says what a change means for their consent.
package subscriber

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Status says whether a subscriber may be written to.
type Status string

// The statuses. Pending waits for a confirmation; only active subscribers receive anything.
const (
	Pending      Status = "pending"
	Active       Status = "active"
	Unsubscribed Status = "unsubscribed"
)

// Statuses is every status.
func Statuses() []Status { return []Status{Pending, Active, Unsubscribed} }

// What a subscriber has who said nothing else.
const (
	DefaultLanguage = "en"
	DefaultTimezone = "UTC"
	DefaultStatus   = Active
)

// Limits of a subscriber's fields (REQUIREMENTS B7). Lengths are in characters unless they say bytes.
const (
	MaxName           = 200
	MaxTopics         = 50
	MaxConsentSource  = 200
	MaxAttributes     = 50
	MaxAttributeName  = 64
	MaxAttributeBytes = 10 << 10 // of all of them, as JSON
)

// TombstoneSuffix ends the address of a deleted subscriber: their uid stands before it. The row stays for
// a while, with nothing personal in it, so that senders see that they may not send. No reader can have
// such an address (RFC 6761, 6.4).
const TombstoneSuffix = "@deleted.invalid"

// Subscriber is a reader. New makes valid ones; ids, times and the version are the store's.
type Subscriber struct {
	ID  int64
	UID ident.UID
	// Email is as mailbox.Parse writes it. It is unique.
	Email string
	Name  string
	// Language is a canonical BCP 47 tag, Timezone a name of the IANA database, Country a code of two letters (ISO 3166-1) or
	// empty.
	Language, Timezone, Country string
	Status                      Status
	// Topics are slugs, sorted.
	Topics []string
	// Attributes are strings, numbers and truth values.
	Attributes map[string]any
	// ConsentSource is where consent was given ("signup form"), ConsentAt when.
	ConsentSource string
	ConsentAt     *time.Time
	// RevokedAt is when consent or a topic was last withdrawn.
	RevokedAt            *time.Time
	Version              int
	CreatedAt, UpdatedAt time.Time
}
