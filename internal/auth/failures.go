package auth

import (
	"context"
	"sync"
	"time"
)

const (
	// failuresKept is how many failures of a period are recorded; the others are only counted. Whoever tries thousands of
	// keys a second must not fill the record with it.
	failuresKept  = 10
	failurePeriod = time.Second
)

// Failure is an authentication that failed.
type Failure struct {
	Reason Reason
	// Credential is as in Refusal.
	Credential string
	// Address is a keyed hash of the client's address; "": not known.
	Address string
	// CorrelationID is of the request.
	CorrelationID string
}

// FailureStore records failures.
type FailureStore interface {
	RecordFailures(ctx context.Context, list []Failure) error
}

// Failures records failed authentications outside the requests: at most 10 a second in this process. It is safe for
// concurrent use.
type Failures struct {
	store FailureStore

	mu   sync.Mutex
	list []Failure
}

// NewFailures records into the store.
func NewFailures(store FailureStore) *Failures { return &Failures{store: store} }

// Note takes a failure, unless there were too many in the last second. It does not wait.
func (f *Failures) Note(failure Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) < failuresKept {
		f.list = append(f.list, failure)
	}
}

// Run records what was noted, once a second until ctx ends, and then once more. failed gets the error of what could not be
// recorded: it is lost.
func (f *Failures) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(failurePeriod)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if err := f.write(context.WithoutCancel(ctx)); err != nil {
			failed(err)
		}
	}
}

func (f *Failures) write(ctx context.Context) error {
	f.mu.Lock()
	list := f.list
	f.list = nil
	f.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return f.store.RecordFailures(ctx, list)
}
