package reconcile

import (
	"context"

	"go.uber.org/zap"
)

// uncertain has those sent to once more whom no evidence settled, where the channel's policy says so.
func (r *Reconciler) uncertain(ctx context.Context) error {
	for more := true; more; {
		var n int
		var err error
		if n, more, err = r.record.ResendUncertain(ctx); err != nil {
			return err
		}
		if n > 0 {
			r.resent.Add(int64(n))
			r.log.Info("uncertain recipients are sent to once more", zap.Int("recipients", n))
			r.poke()
		}
	}
	return nil
}

// replays takes every replay of dead letters a step further.
func (r *Reconciler) replays(ctx context.Context) error {
	for {
		n, stepped, err := r.record.StepReplay(ctx)
		if err != nil || !stepped {
			return err
		}
		if n > 0 {
			r.replayed.Add(int64(n))
			r.poke()
		}
	}
}

// Resent is how many uncertain recipients this process had sent to once more, by policy.
func (r *Reconciler) Resent() int64 { return r.resent.Load() }

// Replayed is how many dead letters this process made owed again, by replays.
func (r *Reconciler) Replayed() int64 { return r.replayed.Load() }
