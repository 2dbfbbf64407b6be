package channel

import "context"

// Sender sends messages through one configured provider. It is safe for concurrent use.
type Sender interface {
	// Send makes exactly one attempt to hand over one message; no library beneath it may retry. It
	// returns nil once the provider has accepted. Otherwise the error's fault.Kind says what happened:
	//
	//   - fault.Retry: certainly not accepted, worth another attempt (dial error, 5xx, 4.x.x);
	//   - fault.Wait: certainly not accepted, rate limited; Error.After is what the provider asked for;
	//   - fault.GiveUp: certainly not accepted, and never will be (unknown mailbox, invalid payload, 410);
	//   - fault.Uncertain: the request left completely and no answer came.
	//
	// ctx bounds the call; a call cut short after the request left is Uncertain. The error's detail
	// names no address and no secret.
	Send(ctx context.Context, m *Message) error
	// Close lets go of connections. Sends that are under way may fail.
	Close() error
}
