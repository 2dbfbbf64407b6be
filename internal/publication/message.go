package publication

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Message is a publication for one recipient: a template, or a letter of our own, and what it is filled with. It needs
// no consent, since its recipient waits for it; the suppression list is honoured all the same.
type Message struct {
	// Subscriber is the internal id of the recipient; 0: whoever has the address To, who is no subscriber.
	Subscriber int64
	To         Addressee
	// Language is what it is written in, or the nearest there is; empty: the subscriber's own.
	Language string
	// Template is what it is made of; nil: the built-in text of the letter.
	Template *Pin
	// Letter is the kind of a letter of our own; empty for a client's message.
	Letter string
	// Data is what the template gets; Encoded is the same as JSON, an object. It may hold secrets, such as a link that
	// lets its reader in: it is in no log, no task and no line of the audit log.
	Data    map[string]any
	Encoded string
	// ExpiresAt is when it is not sent any more; nil: never.
	ExpiresAt *time.Time
	// Tracked has openings and clicks reported.
	Tracked bool
}

// Addressee is who a message is for who is no subscriber.
type Addressee struct{ Email, Name, Timezone string }

// firstStranger is above every id that a subscriber ever has: 2⁴⁷ rows are more than a table of PostgreSQL holds. It is below
// 2⁴⁸, as the positions of lists of deliveries want it, and far below 2⁵³, so that the number is exact wherever JSON goes.
const firstStranger = int64(1) << 47

// StrangerID is the recipient's id in the ledger of a message to an address that is no subscriber's.
func StrangerID(publication int64) int64 { return firstStranger + publication }

// Addressed is a message as it is sent: the publication, and what only this one has.
type Addressed struct {
	*Publication
	Message
}

// MessageSummary is a message as clients see it: nothing personal but the subscriber's id.
type MessageSummary struct {
	// ID is the publication's internal id; lists are ordered by it.
	ID  int64
	UID ident.UID
	// State is that of the publication.
	State State
	// Title is the name that the template had when the message was accepted; Template is nil for a built-in text, and once
	// it was deleted.
	Title           string
	Template        *ident.UID
	TemplateVersion int
	// Subscriber is nil if the message is to an address.
	Subscriber *ident.UID
	Tracked    bool
	ExpiresAt  *time.Time
	CreatedBy  string
	CreatedAt  time.Time
	// DeliveryState, Reason and Used are the delivery's, as the ledger stores them; SettledAt is when it was settled.
	DeliveryState, Reason, Used int16
	SettledAt                   *time.Time
}

// MessageKept is what is kept of a message to somebody, as it is shown to them when they ask what is held about them.
type MessageKept struct {
	// ID is the publication's internal id.
	ID  int64
	UID ident.UID
	// Title is the template's name. Letter is the kind of a letter of our own; what that says is left out.
	Title, Letter string
	// Email is "" of a message to a subscriber, and Language and Timezone are where they are the subscriber's.
	Email, Name, Language, Timezone string
	Data                            map[string]any
	Tracked                         bool
	ExpiresAt                       *time.Time
	CreatedAt                       time.Time
}

// MessageFilter chooses messages for a list, newest first. The zero value of a part lets all through.
type MessageFilter struct {
	States []State
	// Template and Subscriber are ids.
	Template, Subscriber *ident.UID
	// Since is the earliest creation.
	Since time.Time
	// Before is the internal id that the list goes on after; Limit is how many to return at most.
	Before int64
	Limit  int
}
