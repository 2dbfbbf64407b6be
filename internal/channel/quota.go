package channel

import "context"

// Quota is what a provider allows the account behind a channel to send. A zero field is not known.
type Quota struct {
	// PerSecond is the highest rate of messages.
	PerSecond float64
	// Per24h is the most that may be sent in any 24 hours, and Sent24h what was sent in the last.
	Per24h, Sent24h float64
}

// Quoter is a Sender whose provider tells what it allows.
type Quoter interface {
	// Quota asks for the present quota. It has no effect and may be repeated.
	Quota(ctx context.Context) (Quota, error)
}

// CodeBusy is the code of a Wait error that is this process's own: it has too much in hand just now. It says nothing
// about the provider, which goes on taking messages at the same rate.
const CodeBusy = "too_much_at_once"
