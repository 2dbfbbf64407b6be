// Package webhook is event subscriptions: an API client has an endpoint, and what happens is posted to it. The types are
// in types.go, how an event is told in types_event.go, what an answer means in verdict.go, and who posts in deliverer.go.
//
// Every event reaches every endpoint that takes it at least once, in no promised order, with the same id and body in every
// attempt.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// ErrUnreadable is returned for an endpoint whose secrets none of the keys at hand opens.
var ErrUnreadable = errors.New("its secrets cannot be read with the keys at hand")

// Endpoint is where an API client takes events.
type Endpoint struct {
	ID          int64
	UID         ident.UID
	URL         string
	Description string
	// Events are the types that it takes, or publication.* for all that begin so; none: all.
	Events  []string
	Secrets Secrets
	// Unreadable: the secrets cannot be opened, and nothing can be signed until they are given anew.
	Unreadable bool
	Enabled    bool
	// Verified is what answered a test, as Fingerprint has it; nil: nothing did.
	Verified   []byte
	VerifiedAt *time.Time
	// DisabledReason says why it is off; "" if it is on, or never was.
	DisabledReason Reason
	DisabledAt     *time.Time
	// FailingSince is the first of the failures that nothing but failures followed; nil: it is well.
	FailingSince *time.Time
	// WaitUntil is until when it asked to be left alone; nil or past: it did not.
	WaitUntil *time.Time
	// Version grows with what clients change, and with being switched off. It is the ETag.
	Version              int
	CreatedAt, UpdatedAt time.Time
}

// Reason says why an endpoint was switched off. The texts are part of the API.
type Reason string

// The closed list.
const (
	ByClient Reason = "client"  // somebody did
	Gone     Reason = "gone"    // it answered 410
	Failing  Reason = "failing" // nothing but failures for DisableAfter
)

// Fingerprint stands for what a test has to be made of again if it changes: the address and the newest secret. It is a
// hash of the one keyed with the other, and tells nobody either.
func (e Endpoint) Fingerprint() []byte {
	mac := hmac.New(sha256.New, []byte(e.Secrets.Current))
	mac.Write([]byte("presswork webhook endpoint verified v1\x00" + e.URL))
	return mac.Sum(nil)
}

// IsVerified reports whether a test was answered at this address with this secret.
func (e Endpoint) IsVerified() bool {
	return len(e.Verified) > 0 && hmac.Equal(e.Verified, e.Fingerprint())
}

// MarkVerified notes that a test was answered.
func (e *Endpoint) MarkVerified(at time.Time) { e.Verified, e.VerifiedAt = e.Fingerprint(), &at }

// RotateSecret makes text the secret: see Secrets.Rotate. Who answered a test need not do so again: the secrets before
// sign as well until receivers know the new one, and whoever wants no overlap knows why. Secrets that cannot be read end at once.
func (e *Endpoint) RotateSecret(text string, overlap time.Duration, at time.Time) error {
	verified := e.IsVerified()
	if e.Unreadable {
		e.Secrets, e.Unreadable, e.Verified = Secrets{Current: text}, false, nil
		return nil
	}
	next, err := e.Secrets.Rotate(text, overlap, at)
	if err != nil {
		return err
	}
	if e.Secrets = next; verified {
		e.Verified = e.Fingerprint()
	}
	return nil
}

// State is how far an event is at an endpoint. The texts are part of the API and of the database.
type State string

// The closed list.
const (
	Pending   State = "pending"   // not tried yet, or to be tried again
	Delivered State = "delivered" // answered with 2xx
	Failed    State = "failed"    // given up, until somebody recovers it
)

// States are all of them.
func States() []State { return []State{Pending, Delivered, Failed} }

// Delivery is an event at an endpoint.
type Delivery struct {
	ID       int64 // the event's key, by which lists go on
	Event    Event
	State    State
	Attempts int
	// DueAt is when the next attempt may begin, if it is pending.
	DueAt time.Time
	// SettledAt is when it was delivered or given up.
	SettledAt *time.Time
	// Last is the newest attempt; nil: there was none.
	Last *Attempt
}

// Attempt is one post of an event.
type Attempt struct {
	Number int // from 1, over all resends
	At     time.Time
	Took   time.Duration
	// Status is that of the answer; 0: none came.
	Status int
	// Error says in a few words why it was no success; "" if it was. It names no address.
	Error string
}

// Call is a post to be made.
type Call struct {
	URL string
	// Secrets sign it, all of them.
	Secrets []string
	// ID is the event's, which tells repetitions.
	ID   string
	Body []byte
}

// Filter chooses among deliveries. Its zero value chooses all.
type Filter struct {
	State State // "" is any
	Type  Type  // "" is any
	// Since is inclusive, Until exclusive: of when the event happened.
	Since, Until *time.Time
}

// Backlog is what is not posted yet.
type Backlog struct {
	// Pending is how many events wait at endpoints that are on, each endpoint counted; 100,000 stands for more.
	Pending int64
	// Late is how long the one has been due that is due longest, 0 if none is.
	Late time.Duration
	// Off is how many endpoints Presswork itself switched off.
	Off int64
}
