package app

import (
	"errors"

	"github.com/presswork/presswork/internal/subscriber"
)

// erasureMetrics say what is left to be done for people who are erased.
func (a *App) erasureMetrics(left func() subscriber.Erasures) error {
	return errors.Join(
		a.Metrics.Gauge("presswork_erasures_running", "People who are being erased: their address is looked for.",
			func() float64 { return float64(left().Running) }),
		a.Metrics.Gauge("presswork_erasure_oldest_seconds", "How long ago the oldest of these erasures was asked for.",
			func() float64 { return left().Oldest.Seconds() }),
	)
}
