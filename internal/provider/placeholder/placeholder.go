// Package placeholder stands in for a provider whose credentials are missing in development: it records
// what would have been sent, and sends nothing.
package placeholder

import (
	"context"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// Name is the provider's name in a channel, and in every delivery it stood in for.
const Name = "placeholder"

// Record takes note of a message that was not sent. It is called from several goroutines and must not
// keep m.
type Record func(ctx context.Context, c channel.Channel, m *channel.Message)

// Provider accepts messages of every kind and hands them to record; a nil record drops them. It takes no
// settings; those of the provider it stands in for are ignored.
func Provider(record Record) channel.Provider {
	return channel.Provider{
		Name:  Name,
		Kinds: channel.Kinds(),
		Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) {
			return sender{c, record}, nil
		},
	}
}

type sender struct {
	channel channel.Channel
	record  Record
}

// Send records m. Like a provider, it refuses a message with nothing in it, and does nothing once ctx has ended.
func (s sender) Send(ctx context.Context, m *channel.Message) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(err, fault.Retry, "cancelled")
	}
	if m.Mail == nil && m.Post == nil {
		return fault.New(fault.GiveUp, "empty_message", "There is nothing to send.")
	}
	if s.record != nil {
		s.record(ctx, s.channel, m)
	}
	return nil
}

// Close does nothing.
func (sender) Close() error { return nil }

// Verify is always content: there is nothing to find out.
func (sender) Verify(context.Context) error { return nil }
