package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/presswork/presswork/tasks"
)

// ErrFenced says that the session or the claim is no longer this process's: somebody took over.
var ErrFenced = errors.New("the sender session was taken over")

// Batch is a claimed batch: a key range of one publication's recipients on one channel.
type Batch struct {
	ID          int64
	Publication int64
	Channel     int16
	Lane        tasks.Lane
	Gen         int
	// Token fences the claim within its session: a release with another token changes nothing.
	Token   int
	Session int64
	Lo, Hi  int64 // recipients after Lo, up to Hi
	// Message: its publication is a message to one recipient.
	Message bool
}

// Recipient is one owed delivery, with what is needed to personalise it.
type Recipient struct {
	ID      int64
	Attempt int16
	Choice  []byte
	// Skip, if not NoReason, is why nothing may be sent any more.
	Skip Reason
	// HeldFor, if not NoReason, is why nothing may be sent before HeldUntil.
	HeldFor   Reason
	HeldUntil time.Time
	// Closes is from when on nothing may be sent, by this process's clock; zero: never.
	Closes time.Time
	// Outlet is noted by Send: the channel row by which the attempt goes.
	Outlet int64

	// Of a personal channel; a broadcast has none.
	UID        string
	Email      string
	Name       string
	Language   string
	Timezone   string
	Country    string
	Topics     []string
	Attributes json.RawMessage
	// Revoked is when they last withdrew something that is reflected here; the zero time or 1970 for never.
	Revoked time.Time
	// InDoubt: was sent to before, without anybody knowing with what success, and is owed again.
	InDoubt bool
	// Until is when whoever is in doubt may not be sent to any more, since a second copy would not be dropped from then on;
	// zero: never.
	Until time.Time
}

// Window is an entry of a session's in-flight list: of a batch, the recipients after After up to Through.
type Window struct{ Batch, After, Through int64 }

// Flush is one write of a session: what came of earlier windows and what is about to be sent.
type Flush struct {
	Session int64
	// Number rises by one with each flush, so that one with an unknown fate can be repeated.
	Number   int64
	Lease    time.Duration
	InFlight []Window
	Outcomes []Outcome
}

// Released is what became of the batch.
type Released struct {
	Done bool
	// Stopped: its publication or channel is paused or cancelled; the rest got no nudge.
	Stopped bool
	// Fed: another batch was nudged, since this one had a place in the queue to pass on.
	Fed     bool
	Failed  int // recipients of the batch that have a dead letter
	Pending int
	Size    int
}

// InHand is what a process is sending just now, each once.
type InHand struct {
	Publications []int64
	// Readers are the subscribers among the recipients.
	Readers []int64
}

// Control is what operators and subscribers changed while batches were in hand.
type Control struct {
	// Stopped publications may not start another call.
	Stopped map[int64]bool
	// Paused channels and lanes may not either.
	Paused map[ChannelLane]bool
	// Revoked subscribers withdrew consent or a topic, at this moment of the database's clock: all readers in hand who
	// did so since they were read, and any others.
	Revoked map[int64]time.Time
}

// Ledger is where the engine keeps its truth. Every method is one transaction.
type Ledger interface {
	// OpenSession starts a session with a lease.
	OpenSession(ctx context.Context, process string, lease time.Duration) (int64, error)
	// CloseSession ends a session with nothing in flight. It may be repeated.
	CloseSession(ctx context.Context, session int64) error
	// Claim takes a batch for a session, under a token that the session uses once. It returns nil and no error if the
	// nudge is stale or doubled, or if the batch is paused: the nudge has done its work. A Wait error says that it has
	// not: the batch is not due yet, or the session has ended; nothing is claimed, and the nudge must come again. After
	// another error the batch may be claimed all the same; repeating the claim with the same token is safe and tells.
	Claim(ctx context.Context, session, batch int64, gen, token int) (*Batch, error)
	// Owed reads the recipients of a claimed batch who are still pending, by id, and decides who of them may be sent to now.
	Owed(ctx context.Context, b *Batch) ([]Recipient, error)
	// Flush writes outcomes and the in-flight list. ErrFenced: the session can write no more, or some of its rows were
	// settled by somebody else. Another error: it may have been written; repeating the same Flush is safe.
	Flush(ctx context.Context, f Flush) error
	// SettleLate writes outcomes that came after the session was taken over: they change only rows that are
	// uncertain under that session. It is to be repeated for a while: the counters of a batch that was just being
	// released follow with the next call.
	SettleLate(ctx context.Context, session int64, outcomes []Outcome) error
	// Release recounts a batch and closes it, if it owes nobody anything now, or makes the rest ready again with a new nudge that may be claimed
	// after wait. ErrFenced if the claim is no longer ours.
	Release(ctx context.Context, b *Batch, wait time.Duration) (Released, error)
	// PutOff gives a batch back that nothing was sent of. It may be claimed after wait by the nudge that brought it, which
	// has to come again; no new one is made. ErrFenced if the claim is no longer ours.
	PutOff(ctx context.Context, b *Batch, wait time.Duration) error
	// Advance completes the publication if nothing of it is open any more, or makes it paused if it is pausing and
	// nothing of it is claimed. It may be repeated.
	Advance(ctx context.Context, publication int64) error
	// Control reads what was changed by others since what is in hand was read.
	Control(ctx context.Context, h InHand) (Control, error)
}
