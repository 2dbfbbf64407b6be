package bench

import (
	"context"
	"fmt"
	"time"
)

// What workers.scale runs with: a provider that takes so long, and so few connections a worker, that waiting for the
// provider is what a worker does. Then as many workers as there are send as many times as much, unless they get in each
// other's way.
const (
	scaleLatency     = 100 * time.Millisecond
	scaleConnections = 32
)

// scale measures how much faster four workers are than one.
func scale(ctx context.Context, r *runner, s *system) (Line, error) {
	if err := s.slow(ctx, scaleLatency); err != nil {
		return Line{}, err
	}
	if err := s.seed(ctx, r.size.shared); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, "smtp")
	if err != nil {
		return Line{}, err
	}
	if err := s.end(worker); err != nil {
		return Line{}, err
	}
	var rates []float64
	running := 0
	for _, workers := range []int{1, 2, 4} {
		for ; running < workers; running++ {
			if err := s.startRole(ctx, worker, fmt.Sprintf("PRESSWORK_CONNECTIONS=%d", scaleConnections)); err != nil {
				return Line{}, err
			}
		}
		took, err := s.send(ctx, contents, r.size.shared)
		if err != nil {
			return Line{}, err
		}
		rate := float64(r.size.shared) / took.Seconds()
		r.logf("%d workers: %.0f messages/s", workers, rate)
		rates = append(rates, rounded(rate, 1))
	}
	return Line{
		Value: rounded(rates[2]/rates[0], 2), Unit: "times as fast with 4 workers", Runs: rates,
		Limit: &Limit{4, fmt.Sprintf("as many times the workers; one of them alone can send %.0f messages/s to this provider",
			scaleConnections/scaleLatency.Seconds())},
		Note: fmt.Sprintf("runs: messages/s of 1, 2 and 4 workers; each run %d messages, from the request to the completed publication; "+
			"the provider takes %v, and a worker has %d connections instead of the default, so that the provider is the limit and not "+
			"the cores that all processes share", r.size.shared, scaleLatency, scaleConnections),
	}, nil
}
