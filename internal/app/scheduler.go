package app

import (
	"errors"

	"github.com/presswork/presswork/internal/reconcile"
)

// AddScheduler adds the role that starts what is due and closes every gap.
func (a *App) AddScheduler() error {
	r := reconcile.New(a.db, a.queue, a.relay.Poke, a.Log)
	r.KeepAudit(a.Config.AuditKept)
	r.KeepMessages(a.Config.MessagesKept)
	r.KeepSnapshots(a.Config.SnapshotsKept)
	a.add(background("reconciler", r.Run))
	return errors.Join(
		a.Metrics.Gauge("presswork_audit_unsealed_seconds", "How old the oldest line of the audit log is that is not sealed.",
			func() float64 { return r.Unsealed().Age.Seconds() }),
		a.Metrics.Gauge("presswork_consent_unsealed_seconds", "How old the oldest entry of the record of consent is that is not sealed.",
			func() float64 { return r.UnsealedConsent().Age.Seconds() }),
		a.erasureMetrics(r.Erasures),
		a.reputationMetrics(r),
		a.Metrics.Gauge("presswork_reconciler_behind",
			"Nudges that the last round found missing. At rest it is 0.", func() float64 { return float64(r.Behind()) }),
		a.Metrics.Gauge("presswork_auditor_findings",
			"What was wrong in the queue's books in the last round, and was mended. It must be 0.",
			func() float64 { return float64(r.Findings()) }),
		a.Metrics.Counter("presswork_auditor_mended_total",
			"What was wrong in the queue's books, and was mended.", func() float64 { return float64(r.Mended()) }),
		a.Metrics.Counter("presswork_uncertain_resent_total",
			"Recipients of whom nobody knew whether they were reached, and to whom a policy had it sent once more.",
			func() float64 { return float64(r.Resent()) }),
		a.Metrics.Counter("presswork_dead_letters_replayed_total",
			"Dead letters that replays made owed again.", func() float64 { return float64(r.Replayed()) }),
	)
}
