package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/fault"
)

// MaxAttempts is how often a delivery is tried that fails for a transient reason, unless its channel kind has a schedule
// of its own.
const MaxAttempts = backoff.TransientAttempts

// Outcome is what one attempt came to, ready for the ledger.
type Outcome struct {
	Publication int64
	Channel     int16
	Recipient   int64
	State       State
	Attempt     int16 // attempts used so far
	Reason      Reason
	Until       time.Time   // with Deferred
	Dead        *DeadLetter // with Failed
	// Cause is why the attempt was no success; nil if it was one, and if no attempt was made or used.
	Cause *Cause
	// Outlet is the channel row by which the attempt went, 0 if it is not known.
	Outlet int64
}

// Cause is an attempt's error, for people who look at one recipient.
type Cause struct {
	Kind, Code, Error string
}

// DeadLetter says why a delivery failed for good.
type DeadLetter struct {
	Kind, Code, Error, Fingerprint string
}

// CodeUnrenderable is the code of a GiveUp error that the message's own template or data caused.
const CodeUnrenderable = "unrenderable"

// ErrPlaceholder is returned by a Send that only pretended, because the provider's credentials are missing.
var ErrPlaceholder = errors.New("a placeholder stood in for the provider")

// verdict turns an attempt's error into an outcome, and says how long the batch should wait if the
// recipient is still owed. It is the one place where an error meets the ledger. The schedule is the channel kind's.
func verdict(b *Batch, r *Recipient, schedule backoff.Schedule, err error) (o Outcome, wait time.Duration) {
	o = Outcome{Publication: b.Publication, Channel: b.Channel, Recipient: r.ID, Attempt: r.Attempt, State: Pending}
	var known *fault.Error
	errors.As(err, &known)
	switch kind := fault.KindOf(err); {
	case err == nil:
		o.State, o.Attempt = Sent, r.Attempt+1
	case errors.Is(err, ErrPlaceholder):
		o.State, o.Attempt, o.Reason = Sent, r.Attempt+1, Placeholder
	case kind == fault.Uncertain:
		o.State, o.Attempt, o.Reason = Uncertain, r.Attempt+1, NoAnswer
	case kind == fault.Wait:
		wait = max(known.After, time.Second)
	case kind == fault.GiveUp:
		o.State, o.Attempt, o.Reason = Failed, r.Attempt+1, Rejected
		if known.Code == CodeUnrenderable {
			o.Reason = Unrenderable
		}
		o.Dead = deadLetter(b.Channel, err)
	default:
		o.Attempt = r.Attempt + 1
		next, again := schedule(int(o.Attempt))
		if !again {
			o.State, o.Reason = Failed, RetriesUsed
			o.Dead = deadLetter(b.Channel, err)
			break
		}
		wait = next
	}
	if o.State != Sent && o.Attempt > r.Attempt {
		o.Cause = causeOf(err)
	}
	o.Outlet = r.Outlet
	return o, wait
}

// lapse says of who is owed again, and waited too long, that nothing may be sent any more: they are as uncertain as before.
func (r *Recipient) lapse(now time.Time) {
	if r.Skip == NoReason && !r.Until.IsZero() && !now.Before(r.Until) {
		r.Skip, r.InDoubt = NoAnswer, true
	}
}

// stillInDoubt keeps uncertain who was so before and was not reached this time: the first message may have arrived, and
// neither "failed" nor "skipped" would be the truth.
func stillInDoubt(r *Recipient, o Outcome) Outcome {
	if r.InDoubt && (o.State == Failed || o.State == Skipped || o.State == Suppressed) {
		o.State, o.Reason, o.Dead = Uncertain, NoAnswer, nil
	}
	return o
}

func causeOf(err error) *Cause {
	return &Cause{Kind: fault.KindOf(err).String(), Code: fault.CodeOf(err), Error: Normalise(err.Error())}
}

var (
	addressPattern = regexp.MustCompile(`[^\s<>"']+@[^\s<>"']+`)
	numberPattern  = regexp.MustCompile(`\b[0-9a-fA-F-]*[0-9][0-9a-fA-F-]{3,}\b`)
)

// Normalise takes addresses, ids and numbers out of an error's text, so that equal causes read equal and no
// personal data is kept.
func Normalise(text string) string {
	text = addressPattern.ReplaceAllString(text, "<address>")
	text = numberPattern.ReplaceAllString(text, "<n>")
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "")
	}
	return text
}

// QuarantinedLetter is the dead letter of whoever was owed by a batch that was put aside.
func QuarantinedLetter(channel int16) *DeadLetter {
	return deadLetter(channel, fault.New(fault.GiveUp, CodeQuarantined, "the batch killed the workers that took it up"))
}

func deadLetter(channel int16, err error) *DeadLetter {
	return newDeadLetter(channel, fault.KindOf(err).String(), fault.CodeOf(err), err.Error())
}

func newDeadLetter(channel int16, kind, code, text string) *DeadLetter {
	d := &DeadLetter{Kind: kind, Code: code, Error: Normalise(text)}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%s\n%s\n%s", channel, d.Kind, d.Code, d.Error))
	d.Fingerprint = hex.EncodeToString(sum[:8])
	return d
}
