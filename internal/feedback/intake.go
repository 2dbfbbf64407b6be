package feedback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

const (
	// maxGroup is about how many events one transaction applies.
	maxGroup = 500
	// applyTime bounds one transaction: longer than the database's own limit, so that its word comes first, and shorter
	// than the 15 s after which SNS gives a post up.
	applyTime = 12 * time.Second
	// sweepPeriod is how often early events are tried again.
	sweepPeriod = time.Second
	// sweepPage is how many of them at once.
	sweepPage = 1000
)

// Store keeps what events say. Every method is one transaction, and may be repeated.
type Store interface {
	// ApplyFeedback settles deliveries by events and suppresses addresses. Results are parallel to events.
	ApplyFeedback(ctx context.Context, events []Event) ([]Result, error)
	// SweepFeedback applies at most limit events that came early, and forgets those that have waited for a day. It
	// returns how many it looked at. Several processes may do it at once.
	SweepFeedback(ctx context.Context, limit int) (int, error)
}

// Intake applies events in groups: those that come while a group is being stored make up the next one.
type Intake struct {
	store   Store
	options Options
	waiting chan *arrival
	stopped chan struct{}
}

type arrival struct {
	events []Event
	done   chan error
}

// Options of an Intake. Both may be nil.
type Options struct {
	// Observe is called for each event that was stored.
	Observe func(Kind, Result)
	// Notice is told what operators should know.
	Notice func(message string, err error)
}

// NewIntake makes an intake; Run makes it work.
func NewIntake(store Store, o Options) *Intake {
	if o.Observe == nil {
		o.Observe = func(Kind, Result) {}
	}
	if o.Notice == nil {
		o.Notice = func(string, error) {}
	}
	return &Intake{store: store, options: o, waiting: make(chan *arrival), stopped: make(chan struct{})}
}

// Take returns when the events are stored; then the provider need not send them again. After an error it must. It may
// be repeated with the same events.
func (i *Intake) Take(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	one := &arrival{events: events, done: make(chan error, 1)}
	select {
	case i.waiting <- one:
	case <-i.stopped:
		return fault.New(fault.Unavailable, "stopping", "The server is stopping.")
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "feedback_not_stored")
	}
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "feedback_not_stored")
	}
}

// Run stores what Take hands it, and tries early events again, until ctx ends. It is called once.
func (i *Intake) Run(ctx context.Context) {
	defer close(i.stopped)
	sweep := time.NewTicker(sweepPeriod)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-i.waiting:
			i.apply(context.WithoutCancel(ctx), i.gather(first))
		case <-sweep.C:
			i.sweep(ctx)
		}
	}
}

// gather adds everyone who waits already: it never waits for another.
func (i *Intake) gather(first *arrival) []*arrival {
	group, n := []*arrival{first}, len(first.events)
	for n < maxGroup {
		select {
		case next := <-i.waiting:
			group, n = append(group, next), n+len(next.events)
		default:
			return group
		}
	}
	return group
}

func (i *Intake) apply(ctx context.Context, group []*arrival) {
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	var events []Event
	for _, one := range group {
		events = append(events, one.events...)
	}
	results, err := i.store.ApplyFeedback(ctx, events)
	if err != nil {
		i.options.Notice("not stored, the provider will send it again", fmt.Errorf("%d events: %w", len(events), err))
		err = &fault.Error{Kind: fault.Unavailable, Code: "feedback_not_stored", Err: err}
	}
	for n, result := range results {
		i.options.Observe(events[n].Kind, result)
	}
	for _, one := range group {
		one.done <- err
	}
}

func (i *Intake) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	if _, err := i.store.SweepFeedback(ctx, sweepPage); err != nil && !errors.Is(err, context.Canceled) {
		i.options.Notice("early events were not looked at", err)
	}
}
