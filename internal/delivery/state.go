// Package delivery is the send ledger and the engine that works through it: what was accepted arrives
// once, or its fate is visible, whatever dies in between.
//
// One row of the ledger is one recipient of one publication on one channel. A process that sends holds a
// session with a durable in-flight list; a recipient who is not on a list was provably not sent. The
// engine knows no provider and no database: it calls a Send function and a Ledger.
package delivery

// State of one delivery, as stored in the ledger.
type State int16

// The states. "sending" is not one of them: it is derived from the sessions' in-flight lists.
const (
	Pending State = iota
	// Deferred is put off until a time, for a Reason.
	Deferred
	// Sent means that the provider accepted.
	Sent
	Delivered
	Bounced
	Complained
	// Failed has its dead letter.
	Failed
	// Uncertain means that the provider may or may not have accepted. It is never resent blindly.
	Uncertain
	// Suppressed addresses are on a suppression list.
	Suppressed
	// Skipped has its Reason.
	Skipped
)

var stateNames = [...]string{"pending", "deferred", "sent", "delivered", "bounced", "complained",
	"failed", "uncertain", "suppressed", "skipped"}

// String is the state as the API shows it.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

// transitions is the whole machine; the CHECK constraint in migrations/0005 backs the numbers.
var transitions = map[State][]State{
	Pending:   {Pending, Deferred, Sent, Failed, Uncertain, Suppressed, Skipped},
	Deferred:  {Pending, Suppressed, Skipped},
	Uncertain: {Pending, Sent, Delivered, Bounced, Complained, Failed, Skipped}, // by evidence or by policy
	Sent:      {Delivered, Bounced, Complained, Failed},                         // failed: the provider found a virus after it had accepted
	Delivered: {Bounced, Complained},
	Failed:    {Pending}, // replay
	Bounced:   nil, Complained: nil, Suppressed: nil, Skipped: nil,
}

// May reports whether a delivery can go from one state to another.
func May(from, to State) bool {
	for _, next := range transitions[from] {
		if next == to {
			return true
		}
	}
	return false
}

// Settled reports a state that completes a delivery. Uncertain counts: it is visible, and later evidence
// changes counters only.
func (s State) Settled() bool { return s != Pending && s != Deferred }

// Reason says why a delivery is where it is: a closed list, documented in docs/architecture.md.
type Reason int16

// The reasons.
const (
	NoReason Reason = iota
	// Unsubscribed: not active when it came to sending.
	Unsubscribed
	// TopicLeft: has left every topic the publication was for.
	TopicLeft
	// Gone: the subscriber or target no longer exists.
	Gone
	// CancelledByUser: the publication was cancelled first.
	CancelledByUser
	// Rejected: the provider refused for good.
	Rejected
	// RetriesUsed: it failed transiently too often.
	RetriesUsed
	// NoAnswer: the request left and no answer came.
	NoAnswer
	// ProcessDied: it was on the in-flight list of a session that ended without a word.
	ProcessDied
	// ChannelOff: the channel was switched off or cannot be opened.
	ChannelOff
	// Unrenderable: the message could not be rendered for this recipient.
	Unrenderable
	// Placeholder: nothing was sent; a placeholder stood in for a provider without credentials.
	Placeholder
	// Quarantined: its batch killed the worker that took it up, again and again, before anybody was sent to.
	Quarantined
	// SuppressedBounce: the address is on the suppression list, since mail to it bounced for good.
	SuppressedBounce
	// SuppressedComplaint: the address is on the suppression list, since its reader called a mail spam.
	SuppressedComplaint
	// SuppressedManual: an operator put the address on the suppression list.
	SuppressedManual
	// Expired: a message whose time had passed before it came to sending.
	Expired
	// SuppressedSoftBounce: the address is on the suppression list, since mail to it bounced again and again for reasons
	// that might have passed.
	SuppressedSoftBounce
	// PausedByReader: deferred until the day that the reader chose.
	PausedByReader
	// QuietHours: deferred until those of the reader, or of the organisation, end.
	QuietHours
	// ChannelOffByReader: the reader does not want this kind of channel.
	ChannelOffByReader
	// FrequencyCap: deferred, since the reader got as many lately as the organisation allows.
	FrequencyCap
	// LocalHour: deferred until the publication's time of the reader's own day.
	LocalHour
	// Gathered: deferred until the hour at which the reader gets everything together.
	Gathered
	// InDigest: a digest has what this delivery would have brought.
	InDigest
)

var reasonNames = [...]string{"", "unsubscribed", "topic_left", "gone", "cancelled", "rejected",
	"retries_used", "no_answer", "process_died", "channel_off", "unrenderable", "placeholder",
	"quarantined", "suppressed_bounce", "suppressed_complaint", "suppressed_manual", "expired",
	"suppressed_soft_bounce", "paused_by_reader", "quiet_hours", "channel_off_by_reader", "frequency_cap", "local_hour", "digest", "in_digest"}

// Suppressed reports a reason by which a recipient is suppressed rather than skipped.
func (r Reason) Suppressed() bool {
	return r >= SuppressedBounce && r <= SuppressedManual || r == SuppressedSoftBounce
}

// String is the reason's code.
func (r Reason) String() string {
	if r < 0 || int(r) >= len(reasonNames) {
		return "unknown"
	}
	return reasonNames[r]
}
