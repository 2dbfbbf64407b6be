package reconcile

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/reputation"
)

// receivedPeriod is how often all mail is looked at, for metrics.
const receivedPeriod = 30 * time.Second

// Received is how mail was received, and what that was held against.
type Received struct {
	Windows []reputation.Window
	Policy  reputation.Policy
	// FailingSenders is how many senders are of a domain whose mail receivers refuse, as the last check of each says.
	FailingSenders int64
}

// watch pauses publications that are received badly.
func (r *Reconciler) watch(ctx context.Context) error {
	paused, err := r.record.WatchReputation(ctx)
	for _, p := range paused {
		r.stopped[p.Cause].Add(1)
		r.log.Warn("publication paused for how it is received", zap.Stringer("publication", p.Publication), zap.String("channel", p.Channel),
			zap.String("cause", string(p.Cause)), zap.Int64("bad", p.Bad), zap.Int64("judged", p.Judged))
	}
	return err
}

func (r *Reconciler) lookReceived(ctx context.Context) error {
	policy, err := r.record.ReputationPolicy(ctx)
	if err != nil {
		return err
	}
	windows, err := r.record.ReputationWindows(ctx)
	if err != nil {
		return err
	}
	failing, err := r.record.FailingSenders(ctx)
	if err != nil {
		return err
	}
	r.received.Store(&Received{windows, policy, failing})
	return nil
}

// Stopped is how many publications were paused for a cause.
func (r *Reconciler) Stopped(cause reputation.Cause) int64 { return r.stopped[cause].Load() }

// Received is what the last look found, before the first nothing.
func (r *Reconciler) Received() Received {
	if received := r.received.Load(); received != nil {
		return *received
	}
	return Received{Windows: reputation.Windows()}
}
