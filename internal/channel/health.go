package channel

import "time"

// LastingFailure is for how long a webhook may do nothing but fail before its channel is switched off.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Operational considerations":
// "for example 5 days".
const LastingFailure = 5 * 24 * time.Hour

// CodeGone is the code of the GiveUp error of an endpoint that asked for no more messages, or of a hook that there is no
// more: its channel is switched off at once.
const CodeGone = "gone"

// Off says why a channel is switched off.
type Off string

// The reasons. NoReason is that of a channel that is on, or that was made before reasons were kept.
const (
	NoReason Off = ""
	// ByClient: somebody switched it off, or made it so.
	ByClient Off = "client"
	// Gone: its endpoint asked for no more messages, or is no more.
	Gone Off = "gone"
	// Failing: it did nothing but fail for LastingFailure.
	Failing Off = "failing"
)

// Health is how a place fares. Channels of personal kinds have none: what fails there is about one reader, or opens the
// circuit.
type Health struct {
	// DisabledReason and DisabledAt are there while it is off.
	DisabledReason Off
	DisabledAt     time.Time
	// FailingSince is the first of the failures that nothing but failures followed; zero: the last call succeeded.
	FailingSince time.Time
}
