package worker

import (
	"context"
	"time"

	"github.com/presswork/presswork/tasks"
)

// Aggregate folds new events into the counters, and what was sent into what is known of each reader.
type Aggregate struct {
	Events interface {
		// AggregateEvents counts a page and returns its size; each event is counted once however often it is called.
		AggregateEvents(ctx context.Context) (int, error)
		// CountEngagement counts a page of what publications that have ended sent, and returns whether there may be more.
		CountEngagement(ctx context.Context) (more bool, err error)
	}
}

// engagementTime is how long one task counts what was sent: less than the time until the next one, which goes on.
const engagementTime = 4 * time.Second

// Handle aggregates until nothing is left.
func (a *Aggregate) Handle(ctx context.Context, _ tasks.AggregateAnalytics) error {
	for {
		n, err := a.Events.AggregateEvents(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	for until := time.Now().Add(engagementTime); time.Now().Before(until); {
		more, err := a.Events.CountEngagement(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}
