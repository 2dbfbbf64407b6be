package budget

import (
	"context"
	"slices"
	"time"

	"github.com/presswork/presswork/internal/channel"
)

// Circuit is the circuit breaker of a channel, in the version of its settings, as all processes share it. It is closed if
// nobody has heard of it.
func (b *Budget) Circuit(ctx context.Context, id int64, version int) (channel.Circuit, error) {
	answer, err := b.run(ctx, readScript, circuitKeys(channelKey(id), version))
	if err != nil {
		return channel.Circuit{}, err
	}
	switch open := micros(answer, 1); {
	case open > 0:
		return channel.Circuit{State: channel.CircuitOpen, Reopens: time.Now().Add(open).UTC()}, nil
	case open < 0:
		return channel.Circuit{State: channel.CircuitHalfOpen}, nil
	default:
		return channel.Circuit{State: channel.CircuitClosed, Failures: int(number(answer, 3))}, nil
	}
}

// Broken names the channels whose circuit is not closed, of those that are switched on.
func (b *Budget) Broken(ctx context.Context) ([]string, error) {
	list, err := b.options.Channels(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, c := range list {
		circuit, err := b.Circuit(ctx, c.ID, c.Version)
		if err != nil {
			return nil, err
		}
		if circuit.State != channel.CircuitClosed {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// Rate is how many messages a second may be sent on a kind of channel now: by the channel that personal messages leave
// by, or by all places together. It is not limited if one of those has no rate. No channel has the rate 0, and neither has
// one whose circuit is not closed: then it is that of what stands in for it.
func (b *Budget) Rate(ctx context.Context, kind channel.Kind) (perSecond float64, limited bool, err error) {
	list, err := b.options.Channels(ctx)
	if err != nil {
		return 0, false, err
	}
	for _, c := range list {
		if c.Kind != kind {
			continue
		}
		rate, limited, err := b.rateOf(ctx, c, list)
		if err != nil || !limited {
			return 0, false, err
		}
		perSecond += rate
		if kind.Personal() {
			break // the first is the one
		}
	}
	return perSecond, true, nil
}

// rateOf is how many messages a second may leave by a channel, of those that are switched on, or by its stand-in.
func (b *Budget) rateOf(ctx context.Context, c channel.Channel, all []channel.Channel) (perSecond float64, limited bool, err error) {
	perSecond, broken, err := b.ownRate(ctx, c)
	if err != nil || !broken {
		return perSecond, perSecond > 0, err
	}
	standIn := slices.IndexFunc(all, func(o channel.Channel) bool { return o.Name == c.Limits().Fallback && o.Kind == c.Kind })
	if standIn < 0 {
		return 0, true, nil
	}
	perSecond, broken, err = b.ownRate(ctx, all[standIn])
	if broken {
		return 0, true, err
	}
	return perSecond, perSecond > 0, err
}

// ownRate is how many messages a second may leave by a channel, 0 if nothing limits that; broken: its circuit is not closed.
func (b *Budget) ownRate(ctx context.Context, c channel.Channel) (perSecond float64, broken bool, err error) {
	answer, err := b.run(ctx, readScript, circuitKeys(channelKey(c.ID), c.Version))
	if err != nil {
		return 0, false, err
	}
	ceiling := b.specOf(c).ceiling(float(answer, 5))
	perSecond = float(answer, 4)
	if perSecond == 0 || ceiling > 0 && perSecond > ceiling {
		perSecond = ceiling
	}
	return perSecond, micros(answer, 1) != 0, nil
}

// SetQuota notes what an account may send, for all processes. A quota that is not known changes nothing.
func (b *Budget) SetQuota(ctx context.Context, id int64, q channel.Quota) error {
	if q.PerSecond <= 0 {
		return nil
	}
	_, err := b.run(ctx, quotaScript, redisKeys(channelKey(id)), q.PerSecond)
	return err
}

// Status is what this process knows of a channel that it sends by.
type Status struct {
	Channel string
	Circuit channel.CircuitState
	// PerSecond is the rate that holds now, 0: none.
	PerSecond float64
	// Held counts batches that were turned away, by reason.
	Held map[string]int64
}

// staleAfter is after how long without a batch an open circuit is no news any more: the channel was switched off, or has
// nothing to send. A batch that waits for one asks every minute.
const staleAfter = 10 * time.Minute

// Statuses is what this process knows, without asking anybody. It knows nothing of a channel that nobody has asked for since
// its circuit opened, long ago.
func (b *Budget) Statuses() []Status {
	b.mu.Lock()
	targets := make([]*Target, 0, len(b.targets))
	for _, t := range b.targets {
		if t.circuit.Load().openUntil.Load() == 0 || b.now()-t.asked < staleAfter+b.options.OpenFor {
			targets = append(targets, t)
		}
	}
	b.mu.Unlock()
	var list []Status
	for _, t := range targets {
		name := t.spec.Load().name
		if name == "" {
			continue
		}
		s := Status{Channel: name, Circuit: channel.CircuitClosed, Held: map[string]int64{}}
		if until := time.Duration(t.circuit.Load().openUntil.Load()); until != 0 {
			s.Circuit = channel.CircuitHalfOpen
			if until > b.now() {
				s.Circuit = channel.CircuitOpen
			}
		}
		t.mu.Lock()
		s.PerSecond = t.rate
		for why, n := range t.held {
			s.Held[why] = n
		}
		t.mu.Unlock()
		list = append(list, s)
	}
	return list
}
