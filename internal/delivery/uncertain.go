package delivery

import (
	"time"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/ident"
)

// What an operator can set for a channel: what becomes of recipients who are uncertain and whom no evidence settles.
const (
	// Hold leaves them uncertain, for people to decide.
	Hold = "hold"
	// Resend sends to them once more. Who was reached the first time gets a second copy, unless the provider drops it.
	Resend = "resend"
)

// When uncertain recipients may be sent to again. A process that lost its session starts calls for less than its lease
// and each takes callTimeout at most; then it offers what it knows as evidence for 30 seconds.
const (
	evidenceWait = 30 * time.Second
	// SettleTime is how long evidence of senders may take, after somebody became uncertain.
	SettleTime = leaseTime + callTimeout + evidenceWait
	// sesWait is for the events of Amazon SES about mail that is not urgent.
	sesWait = leaseTime + callTimeout + 10*time.Minute
	// nonceTime is how long Discord is trusted to know a nonce again: it promises "a few minutes" (Discord API, Create
	// Message, enforce_nonce).
	nonceTime = 2 * time.Minute
)

// Doubt is an uncertain recipient as a policy sees it.
type Doubt struct {
	// Kind and Provider are of the channel: "email", "ses". Provider is empty if the channel is gone or switched off.
	Kind, Provider string
	// Setting is the channel's own policy, empty if it has none.
	Setting string
	// StandIn: another channel sends while this one's circuit is open, and knows nothing of a first message.
	StandIn bool
	// Transactional publications are waited for by somebody.
	Transactional bool
	// Resends is how often the policy had it sent again. Once is enough, unless a second copy can do no harm ever.
	Resends int
	// Age is how long the recipient has been uncertain, First how long ago a message was sent first that may have arrived:
	// long before that if nobody was there to take the sender over, or if it was sent again since.
	Age, First time.Duration
}

// Resend reports whether the recipient is to be sent to once more, or how long to wait before the policy is asked again.
// Neither means that it holds.
func (d Doubt) Resend() (now bool, wait time.Duration) {
	if d.Provider == "" || d.policy() != Resend {
		return false, 0
	}
	wait = SettleTime
	switch next, again := backoff.Webhook(d.Resends + 1); {
	case d.byID() && !again, !d.byID() && d.Resends > 0:
		return false, 0
	case d.byID():
		wait = max(wait, next)
	}
	if d.Provider == "ses" && !d.Transactional {
		wait = sesWait
	}
	if d.Age < wait {
		return false, wait - d.Age
	}
	// A nonce that is forgotten protects nobody: only who set the policy wants it all the same.
	if left, ends := d.Expires(); ends && left < 0 {
		return false, 0
	}
	return true, 0
}

// Expires says how long from now the recipient may be sent to, if the policy resends only because a second copy is dropped,
// and the receiver forgets the first in the end. A call that begins in time also arrives in time.
func (d Doubt) Expires() (left time.Duration, ends bool) {
	return nonceTime - callTimeout - max(d.Age, d.First), d.byNonce()
}

func (d Doubt) policy() string {
	if d.Setting != "" {
		return d.Setting
	}
	// Whoever waits for a transactional message minds two less than none.
	if d.Transactional || d.byID() || d.byNonce() {
		return Resend
	}
	return Hold
}

// byID reports that the receiver tells a second copy by its id, however late it comes: that of a webhook, if both go to
// the same one. Who does not answer is tried again then as often as who answers with an error.
func (d Doubt) byID() bool { return d.Kind == "webhook" && !d.StandIn && d.Setting == "" }

// byNonce reports that it is resent only because the provider drops a second copy: Discord's bots send a nonce, its
// webhooks cannot.
func (d Doubt) byNonce() bool {
	return d.Setting == "" && !d.Transactional && d.Provider == "discord" && !d.StandIn
}

// UncertainFilter chooses among uncertain recipients. Its zero value chooses all.
type UncertainFilter struct {
	Publication ident.UID // zero: any
	Channel     int16     // 0: any
	Reason      Reason    // NoReason: any
	Before      time.Time // uncertain since before this; zero: any
	IDs         []int64   // nil: any
}

// UncertainRow is a recipient who is uncertain.
type UncertainRow struct {
	ID          int64
	Publication ident.UID
	Channel     int16
	// Recipient is the subscriber or the channel; zero if it is gone.
	Recipient ident.UID
	Reason    Reason
	Attempts  int16
	Since     time.Time
	// Due is when the policy is asked; nil: it holds.
	Due *time.Time
	// Resends is how often the policy or an operator had it sent again.
	Resends int
}

// UncertainCount is how many are uncertain for the same reason.
type UncertainCount struct {
	Publication ident.UID
	Channel     int16
	Reason      Reason
	Count       int64
	Oldest      time.Time
}

// Decision is what is to become of uncertain recipients.
type Decision string

// The decisions. DecideResend sends once more; the others settle what is not known as somebody found out.
const (
	DecideResend Decision = "resend"
	DecideSent   Decision = "sent"
	DecideFailed Decision = "failed"
)

// Decisions is every decision.
func Decisions() []Decision { return []Decision{DecideResend, DecideSent, DecideFailed} }

// SettledByHand is the dead letter of an uncertain recipient whom an operator found not to have been reached.
func SettledByHand(channel int16) *DeadLetter {
	return newDeadLetter(channel, "uncertain", "settled_by_hand", "an operator settled it as failed")
}
