package reconcile

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/subscriber"
)

const (
	// erasePeriod is how often somebody asks whether people are to be erased.
	erasePeriod = time.Second
	// eraseTurn is how long the search goes on in one round.
	eraseTurn = 20 * time.Second
	// eraseRest is how much longer than a range of the search took it rests after it: a quarter of a core at most, the rest is for who sends.
	eraseRest = 3
	// eraseSettle is longer than anybody has in hand what they read: a request of the longest may take five minutes, a task two.
	eraseSettle = 6 * time.Minute
)

// erase goes on with the search for the addresses of people who are erased.
func (r *Reconciler) erase(ctx context.Context) error {
	err := r.search(ctx)
	left, lookErr := r.record.RunningErasures(ctx)
	if lookErr == nil {
		r.erasures.Store(&left)
	}
	if err != nil {
		return err
	}
	return lookErr
}

func (r *Reconciler) search(ctx context.Context) error {
	for end := time.Now().Add(eraseTurn); time.Now().Before(end); {
		began := time.Now()
		more, err := r.record.SearchErased(ctx, eraseSettle)
		if err != nil || !more {
			return err
		}
		rest := time.NewTimer(eraseRest * time.Since(began))
		select {
		case <-ctx.Done():
			rest.Stop()
			return ctx.Err()
		case <-rest.C:
		}
	}
	return nil
}

// Erasures is what the last look found still to be done.
func (r *Reconciler) Erasures() subscriber.Erasures {
	if left := r.erasures.Load(); left != nil {
		return *left
	}
	return subscriber.Erasures{}
}
