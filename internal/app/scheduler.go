package app

import "github.com/presswork/presswork/internal/reconcile"

// AddScheduler adds the role that starts what is due and closes every gap.
func (a *App) AddScheduler() error {
	r := reconcile.New(a.db, a.queue, a.relay.Poke, a.Log)
	a.add(background("reconciler", r.Run))
	return a.Metrics.Gauge("presswork_reconciler_behind",
		"Nudges that the last round found missing. At rest it is 0.", func() float64 { return float64(r.Behind()) })
}
