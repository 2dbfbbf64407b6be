package worker

import (
	"context"

	"github.com/presswork/presswork/tasks"
)

// Aggregate folds new events into the counters.
type Aggregate struct {
	// Events aggregates a page and returns its size; each event is counted once however often it is called.
	Events interface {
		AggregateEvents(ctx context.Context) (int, error)
	}
}

// Handle aggregates until nothing is left.
func (a *Aggregate) Handle(ctx context.Context, _ tasks.AggregateAnalytics) error {
	for {
		n, err := a.Events.AggregateEvents(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}
