package reconcile

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/audit"
)

// AuditLog is the audit log, which is sealed in blocks and kept for a while.
type AuditLog interface {
	AuditHorizon(ctx context.Context) (audit.Horizon, error)
	SealAudit(ctx context.Context, h audit.Horizon) (more, reached bool, err error)
	AuditBacklog(ctx context.Context) (audit.Backlog, error)
	PurgeAudit(ctx context.Context, keep time.Duration) (audit.Purged, error)
}

// sealPeriod bounds how long an event can be altered without a trace: twice that, and for as long as a transaction takes.
const sealPeriod = 30 * time.Second

// seal seals the audit log up to a horizon, and looks for a new one when that is reached. As long as somebody writes who
// was there before the horizon, the same one is tried again.
func (r *Reconciler) seal(ctx context.Context) error {
	err := r.sealBlocks(ctx)
	backlog, lookErr := r.record.AuditBacklog(ctx)
	if lookErr == nil {
		r.unsealed.Store(&backlog)
	}
	if err != nil {
		return err
	}
	return lookErr
}

func (r *Reconciler) sealBlocks(ctx context.Context) (err error) {
	if r.horizon.Last == 0 {
		if r.horizon, err = r.record.AuditHorizon(ctx); err != nil {
			return err
		}
	}
	for {
		more, reached, err := r.record.SealAudit(ctx, r.horizon)
		if reached {
			r.horizon = audit.Horizon{}
		}
		if err != nil || !more {
			return err
		}
	}
}

// Unsealed is what of the audit log the last look found unsealed. What stays so was not sealed because something is wrong.
func (r *Reconciler) Unsealed() audit.Backlog {
	if b := r.unsealed.Load(); b != nil {
		return *b
	}
	return audit.Backlog{}
}

// KeepAudit has old blocks of the audit log removed; by default none are. Call it before Run.
func (r *Reconciler) KeepAudit(keep time.Duration) { r.auditKept = keep }

// purge removes what of the audit log is older than it is kept.
func (r *Reconciler) purge(ctx context.Context) error {
	if r.auditKept == 0 {
		return nil
	}
	for {
		p, err := r.record.PurgeAudit(ctx, r.auditKept)
		if err != nil || p.Blocks == 0 {
			return err
		}
		r.log.Info("old blocks of the audit log removed", zap.Int64("blocks", p.Blocks), zap.Int64("events", p.Events),
			zap.Int64("through", p.Through))
	}
}
