package app

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presswork/presswork/internal/reconcile"
	"github.com/presswork/presswork/internal/reputation"
)

// receptions is how mail was received, as a scheduler knows it.
type receptions interface {
	Stopped(cause reputation.Cause) int64
	Received() reconcile.Received
}

// reputationMetrics are there from the beginning, so that it is seen when they grow.
func (a *App) reputationMetrics(r receptions) error {
	var errs []error
	add := func(name, help string, labels prometheus.Labels, read func() float64) {
		errs = append(errs, a.Metrics.Register(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, read)))
	}
	for _, cause := range reputation.Causes() {
		errs = append(errs, a.Metrics.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "presswork_reputation_pauses_total", Help: "Publications that this process paused for how they were received.",
			ConstLabels: prometheus.Labels{"cause": string(cause)},
		}, func() float64 { return float64(r.Stopped(cause)) })))
		for i, w := range reputation.Windows() {
			labels := prometheus.Labels{"cause": string(cause), "window": w.Name}
			add("presswork_reputation_rate", "The part of all mail of the last hours that bounced for good, or was called spam.", labels,
				func() float64 { return r.Received().Windows[i].Rate(cause) })
			add("presswork_reputation_exceeded", "1 if that is more than the policy allows, and not by chance.", labels, func() float64 {
				received := r.Received()
				if received.Policy.Version > 0 && received.Policy.Exceeds(cause, received.Windows[i].Counts) {
					return 1
				}
				return 0
			})
		}
	}
	add("presswork_reputation_senders_failing", "Senders of a domain whose mail receivers refuse, as the last verification of each says.", nil,
		func() float64 { return float64(r.Received().FailingSenders) })
	return errors.Join(errs...)
}
