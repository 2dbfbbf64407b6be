// Package consent is the record of what readers agreed to: when, from where, by whom, and which words they were shown. Entries
// are never changed. What they hold of a person stands beside them and can be erased; the entry keeps a commitment to it, so
// that the record is whole afterwards.
package consent

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Event is what happened to a reader's consent.
type Event string

// The events. Every change of a reader's status, topics, channels or address is one of them.
const (
	// Requested: somebody asked for messages to this address, which has yet to confirm.
	Requested Event = "requested"
	// Confirmed: the reader confirmed by the link that was mailed to them.
	Confirmed Event = "confirmed"
	// Granted: they may be written to, since whoever stored them said so: the API, or an import.
	Granted Event = "granted"
	// Changed: they have other topics, channels, or another address.
	Changed Event = "changed"
	// Withdrawn: they may not be written to any more.
	Withdrawn Event = "withdrawn"
	// Suppressed: their address is on the suppression list by a complaint, or by hand.
	Suppressed Event = "suppressed"
	// Expired: they did not confirm in time.
	Expired Event = "expired"
	// Erased: they were forgotten, and with them what the entries held of them.
	Erased Event = "erased"
	// Carried: how they were when the record began, written before the first change after that.
	Carried Event = "carried"
)

// Events is every event.
func Events() []Event {
	return []Event{Requested, Confirmed, Granted, Changed, Withdrawn, Suppressed, Expired, Erased, Carried}
}

// Source is by which way it happened.
type Source string

// The sources.
const (
	// Form is the public form for signing up, Page a page that a link in a message leads to.
	Form Source = "form"
	Page Source = "page"
	// OneClick is the button that mail programs show (RFC 8058).
	OneClick Source = "one_click"
	// API is a client, Import one of its files.
	API    Source = "api"
	Import Source = "import"
	// Reported is what a mail provider reported: a complaint.
	Reported Source = "event"
	// System is Presswork itself.
	System Source = "system"
	// Database is a statement that did not say where it came from: one made by hand.
	Database Source = "database"
)

// Sources is every source.
func Sources() []Source {
	return []Source{Form, Page, OneClick, API, Import, Reported, System, Database}
}

// Text is what a reader was shown when they agreed. It is known by its hash, and never changes.
type Text struct {
	Language, Body string
}

// Hash is SHA-256 of the language, a line feed and the body.
func (t Text) Hash() [sha256.Size]byte { return sha256.Sum256([]byte(t.Language + "\n" + t.Body)) }

// Detail is what an entry holds of a person.
type Detail struct {
	// Email is the address that the entry is about.
	Email string `json:"email"`
	// Stated is where the consent came from, in the words of whoever stored the reader.
	Stated string `json:"stated,omitempty"`
	// IP and UserAgent are of the request, where a reader made one.
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	// Since is when consent was given, of an entry that carries on what was there before the record.
	Since *time.Time `json:"since,omitempty"`
}

// Entry is one line of the record.
type Entry struct {
	ID         int64
	At         time.Time
	Subscriber ident.UID
	Event      Event
	// Status and Topics are the reader's afterwards, ChannelsOff the kinds of channel that they do not want.
	Status      string
	Topics      []string
	ChannelsOff []int16
	Source      Source
	// By is a principal ("key:admin", "subscriber"), or the system.
	By string
	// TextHash is of what was shown, Text itself; nil and zero if nothing was.
	TextHash []byte
	Text     Text
	// Detail is nil of a reader who was erased.
	Detail *Detail
}

// Act is where a change comes from. Carried by a context, it is written with every entry that the change leaves.
type Act struct {
	Source Source
	// Granted is what becoming active is called: Granted unless told.
	Granted Event
	// Withdrawn is likewise.
	Withdrawn Event
	// Text is what was shown; nil if nothing was. It has to be kept before: see the store.
	Text          *Text
	IP, UserAgent string
	// Brand is the slug of the brand that the page is of, by which letters are written that follow; empty for none.
	Brand string
}

type actKey struct{}

// With carries where the changes of ctx's work come from.
func With(ctx context.Context, a Act) context.Context { return context.WithValue(ctx, actKey{}, a) }

// Of is the Act that ctx carries; without one, it is an Act of the source that is given.
func Of(ctx context.Context, otherwise Source) Act {
	if a, ok := ctx.Value(actKey{}).(Act); ok {
		return a
	}
	return Act{Source: otherwise}
}

// MaxUserAgent is how much of a browser's name is kept, in bytes.
const MaxUserAgent = 300
