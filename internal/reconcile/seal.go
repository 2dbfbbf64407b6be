package reconcile

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
)

// AuditLog is the audit log, which is sealed in blocks and kept for a while.
type AuditLog interface {
	AuditHorizon(ctx context.Context) (chain.Horizon, error)
	SealAudit(ctx context.Context, h chain.Horizon) (more, reached bool, err error)
	AuditBacklog(ctx context.Context) (chain.Backlog, error)
	PurgeAudit(ctx context.Context, keep time.Duration) (audit.Purged, error)
}

// ConsentLog is the record of consent, which is sealed likewise, and kept.
type ConsentLog interface {
	ConsentHorizon(ctx context.Context) (chain.Horizon, error)
	SealConsent(ctx context.Context, h chain.Horizon) (more, reached bool, err error)
	ConsentBacklog(ctx context.Context) (chain.Backlog, error)
}

// sealPeriod bounds how long an event can be altered without a trace: twice that, and for as long as a transaction takes.
const sealPeriod = 30 * time.Second

// sealedLog is a log that is sealed.
type sealedLog struct {
	find func(context.Context) (chain.Horizon, error)
	seal func(context.Context, chain.Horizon) (more, reached bool, err error)
	look func(context.Context) (chain.Backlog, error)

	horizon  chain.Horizon // up to which it is to be sealed; zero: to be found
	unsealed atomic.Pointer[chain.Backlog]
}

// step seals the log up to a horizon, and looks for a new one when that is reached. As long as somebody writes who
// was there before the horizon, the same one is tried again.
func (s *sealedLog) step(ctx context.Context) error {
	err := s.blocks(ctx)
	backlog, lookErr := s.look(ctx)
	if lookErr == nil {
		s.unsealed.Store(&backlog)
	}
	if err != nil {
		return err
	}
	return lookErr
}

func (s *sealedLog) blocks(ctx context.Context) (err error) {
	if s.horizon.Last == 0 {
		if s.horizon, err = s.find(ctx); err != nil {
			return err
		}
	}
	for {
		more, reached, err := s.seal(ctx, s.horizon)
		if reached {
			s.horizon = chain.Horizon{}
		}
		if err != nil || !more {
			return err
		}
	}
}

// left is what the last look found unsealed. What stays so was not sealed because something is wrong.
func (s *sealedLog) left() chain.Backlog {
	if b := s.unsealed.Load(); b != nil {
		return *b
	}
	return chain.Backlog{}
}

// Unsealed is what of the audit log is not sealed yet, UnsealedConsent what of the record of consent.
func (r *Reconciler) Unsealed() chain.Backlog { return r.auditLog.left() }

// UnsealedConsent is likewise.
func (r *Reconciler) UnsealedConsent() chain.Backlog { return r.consentLog.left() }

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
