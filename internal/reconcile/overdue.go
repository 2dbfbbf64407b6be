package reconcile

import (
	"context"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/queue"
)

// overdue nudges what the queue lost unnoticed: a single task, one whose id an archived task stands in the way of, and
// what a worker had begun when it died. The death is counted against that work.
func (r *Reconciler) overdue(ctx context.Context) error {
	list, err := r.record.Overdue(ctx, patience, overduePage)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		r.gone.Store(0)
		r.blocked.Store(0)
		return nil
	}
	var gone, waiting, died []delivery.Overdue
	blocked := 0
	for _, o := range list {
		sight, err := r.queue.Look(ctx, o.Task)
		if err != nil {
			return err
		}
		switch sight {
		case queue.Waiting:
			waiting = append(waiting, o)
		case queue.Running: // looked at again with the next round
		case queue.Abandoned:
			died, gone = append(died, o), append(gone, o)
		case queue.Blocked:
			blocked++
			gone = append(gone, o)
		case queue.Gone:
			gone = append(gone, o)
		}
	}
	if err := r.noteCrashes(ctx, died); err != nil {
		return err
	}
	if err := r.record.Renudge(ctx, gone, waiting); err != nil {
		return err
	}
	r.gone.Store(int64(len(gone)))
	r.blocked.Store(int64(blocked))
	if len(gone) > 0 {
		r.log.Warn("tasks were not queued, nudged again", zap.Int("tasks", len(gone)), zap.Int("abandoned", len(died)),
			zap.Int("blocked", blocked))
		r.poke()
	}
	return nil
}

func (r *Reconciler) noteCrashes(ctx context.Context, died []delivery.Overdue) error {
	if len(died) == 0 {
		return nil
	}
	paused, err := r.record.NoteCrashes(ctx, died)
	if paused > 0 {
		r.log.Error("publications were paused whose work kills workers", zap.Int("publications", paused))
	}
	return err
}
