// Package letter is the mail that Presswork writes itself: the link that confirms a subscription, the link to one's own
// preferences. A letter is a message as POST /messages makes them, so it has the same ledger, attempts, dead letters and
// reconciler; it needs no consent, and honours the suppression list.
//
// Whoever has something to write makes a Letter and hands it to the record: postgres.DB.SendLetter alone, or sendLetter
// within the transaction of what it tells of, so that both are stored or neither. The letter leaves once that is committed.
// With a Key it may be handed in again: within 24 hours the first one counts.
//
//	letter.Letter{
//	    Kind: letter.ConfirmSubscription, Subscriber: id, Key: "confirm:" + request,
//	    Data: map[string]any{letter.Link: link}, ExpiresAt: &until,
//	}
//
// What a letter says stands in words/, in each language, between letter.html and letter.txt. Operators replace it with an
// e-mail template of their own that has the name of TemplateName: it gets the same data, and all else that e-mail templates
// get. Data is a secret: it is in no log, no task and no line of the audit log, and is wiped once the letter is sent.
package letter

import (
	"fmt"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Kind is what a letter is about.
type Kind string

// The kinds.
const (
	// ConfirmSubscription asks whether it was the reader who subscribed.
	ConfirmSubscription Kind = "confirm_subscription"
	// Resubscribe asks a reader who had unsubscribed whether they want to come back.
	Resubscribe Kind = "resubscribe"
	// PreferenceLink lets a reader choose what they get.
	PreferenceLink Kind = "preference_link"
)

// Kinds is every kind.
func Kinds() []Kind { return []Kind{ConfirmSubscription, Resubscribe, PreferenceLink} }

// What all letters have in their Data.
const (
	// Link is the address that the reader is to open. It is required.
	Link = "link"
	// Until is the day until which the link works: YYYY-MM-DD. SendLetter sets it from ExpiresAt.
	Until = "until"
)

// Letter is one to one reader.
type Letter struct {
	Kind Kind
	// Subscriber is the internal id of the recipient. If it is 0 the letter goes to Email, whoever that is: an address that
	// is a subscriber's is that subscriber.
	Subscriber  int64
	Email, Name string
	// Language is a BCP 47 tag; empty: the subscriber's own, or English.
	Language string
	// Data is what the template gets; values are strings, numbers, truth values, and lists and maps of them.
	Data map[string]any
	// ExpiresAt is when it is not sent any more, since its link would not work; nil: it is always sent.
	ExpiresAt *time.Time
	// Sender is who it is from; zero: the default sender of the brand, or of the organisation.
	Sender ident.UID
	// Brand is the slug of the brand that it is of; empty, or of none that there is: that of its sender.
	Brand string
	// Key makes it one letter however often it is handed in; empty: each is one of its own.
	Key string
}

// Reserved begins the names of templates that replace the built-in ones.
const Reserved = "system/"

// TemplateName is the name of the e-mail template that replaces the built-in one.
func (k Kind) TemplateName() string { return Reserved + string(k) }

// KindOfTemplate is the kind whose text a template of this name replaces; false if there is none.
func KindOfTemplate(name string) (Kind, bool) {
	text, reserved := strings.CutPrefix(name, Reserved)
	return Kind(text), reserved && known(Kind(text))
}

// Check reports a letter that cannot be written: a mistake of the program, so that its error is internal.
func (l Letter) Check() error {
	link, _ := l.Data[Link].(string)
	switch {
	case !known(l.Kind):
		return mistake(l.Kind, "has no text")
	case (l.Subscriber == 0) == (l.Email == ""):
		return mistake(l.Kind, "needs either a subscriber or an address")
	case link == "":
		return mistake(l.Kind, "has no link")
	}
	return nil
}

func known(k Kind) bool {
	for _, one := range Kinds() {
		if one == k {
			return true
		}
	}
	return false
}

func mistake(k Kind, what string) error {
	return fmt.Errorf("a letter of the kind %q %s", k, what)
}
