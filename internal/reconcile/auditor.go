package reconcile

import (
	"context"

	"go.uber.org/zap"
)

// audit mends what is wrong in the queue's own books.
func (r *Reconciler) audit(ctx context.Context) error {
	found, err := r.queue.Audit(ctx)
	if err != nil {
		return err
	}
	r.found.Store(int64(found.Total()))
	r.mended.Add(int64(found.Total()))
	if found.Total() > 0 {
		r.log.Warn("the queue's books were wrong and are mended", zap.Int("leaseless", found.Leaseless),
			zap.Int("bodiless", found.Bodiless), zap.Int("stray_leases", found.Stray))
		r.poke()
	}
	return nil
}

// Findings is what the auditor found in the last rounds: books that were wrong, and tasks that an archived one of the
// same id stood in the way of. It must be 0.
func (r *Reconciler) Findings() int64 { return r.found.Load() + r.blocked.Load() }

// Mended is all that the auditor of this process ever found in the queue's books: who looks at Findings seldom may miss one.
func (r *Reconciler) Mended() int64 { return r.mended.Load() }
