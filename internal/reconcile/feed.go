package reconcile

import "context"

// feed brings into the queue what is behind and has a place that nobody passed on: a worker died, or sending was paused
// when its batches were done.
func (r *Reconciler) feed(ctx context.Context) error {
	n, err := r.record.Feed(ctx)
	if n > 0 {
		r.poke()
	}
	return err
}
