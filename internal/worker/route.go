package worker

import (
	"context"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// Target is what the provider behind a channel takes just now, shared by all processes.
type Target interface {
	delivery.Gate
	// Begin is called right before a call to the provider with a version of the channel's settings, and done with what came
	// of it, which it returns as it is to be gone on with. Its error, of kind fault.Wait, is why the call must not be made.
	Begin(version int) (done func(error) error, err error)
}

// Limits bound how fast one may send.
type Limits interface {
	// Target is the one of a channel.
	Target(c channel.Channel) Target
	// Publication is the gate of one publication on a channel kind, which has a rate of its own.
	Publication(id int64, kind channel.Kind, perMinute int) delivery.Gate
}

// route is how a batch goes out: by its channel, or by what stands in for that one while its circuit is open. It is
// chosen when the batch comes to its gate, and stays. Whoever is sent to is owed, so no provider accepted anything for
// them: a recipient about whom that is uncertain is settled, and takes no second way.
type route struct {
	ways   []way
	chosen int
	log    *zap.Logger
	// renew is the way by the same channel with other settings, if there is one by now.
	renew func(ctx context.Context, old way) (way, bool)
}

// way is an outlet, and what its provider takes; nil: all.
type way struct {
	*outlet
	target Target
}

// by is the way that was chosen.
func (r *route) by() way { return r.ways[r.chosen] }

// Enter chooses a way, and enters its gate.
func (r *route) Enter(ctx context.Context, lane tasks.Lane, n int, wake func(int)) (delivery.Pass, error) {
	var first error
	for i, w := range r.ways {
		if w.target == nil {
			r.chosen = i
			return open{}, nil
		}
		pass, err := w.target.Enter(ctx, lane, n, wake)
		if fault.CodeOf(err) == channel.CodeCircuitOpen {
			// Whoever mended the channel does not want this batch to wait for what was wrong before.
			if newer, ok := r.renew(ctx, w); ok {
				w, r.ways[i] = newer, newer
				pass, err = w.target.Enter(ctx, lane, n, wake)
			}
		}
		if err == nil {
			if i > 0 {
				r.log.Info("a channel stands in for another", zap.String("channel", r.ways[0].Name), zap.String("by", w.Name))
			}
			r.chosen = i
			return pass, nil
		}
		if first == nil {
			first = err
		}
		if fault.CodeOf(err) != channel.CodeCircuitOpen {
			break
		}
	}
	return nil, first
}

// open is the pass of a way that nothing limits.
type open struct{}

// Take gives all that is asked for.
func (open) Take(n int) (int, error) { return n, nil }

// Ready is always so.
func (open) Ready() bool { return true }

// Give has nothing to take back.
func (open) Give(int) {}

// Shut never is.
func (open) Shut() error { return nil }

// Leave has nothing to let go of.
func (open) Leave() {}

// route is how a batch leaves by a channel.
func (h *Send) route(ctx context.Context, primary *outlet) (*route, error) {
	r := &route{ways: []way{h.way(primary)}, log: h.Log, renew: h.renew}
	name := primary.Limits().Fallback
	if name == "" {
		return r, nil
	}
	standIn, err := h.Outlets.named(ctx, name, primary.Kind)
	if err != nil {
		return nil, err
	}
	if standIn != nil {
		r.ways = append(r.ways, h.way(standIn))
	}
	return r, nil
}

func (h *Send) renew(ctx context.Context, old way) (way, bool) {
	now, err := h.Outlets.changed(ctx, old.outlet)
	if err != nil || now == nil || now.pretends {
		return way{}, false // the circuit is open, and that is reason enough to wait
	}
	return h.way(now), true
}

func (h *Send) way(o *outlet) way {
	if h.Limits == nil || o.pretends {
		return way{outlet: o}
	}
	return way{o, h.Limits.Target(o.Channel)}
}

// gated adds the gates to a way of sending: the publication's own rate, and the route's.
func (h *Send) gated(send delivery.Send, r *route, own delivery.Gate) delivery.Way {
	return delivery.Way{Send: send, Gate: delivery.Both(own, r)}
}
