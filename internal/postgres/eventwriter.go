package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/fault"
)

const (
	// eventBuffer is how many events may wait to be stored: some seconds of a busy day, 0.7 MB.
	eventBuffer = 16_384
	// eventGroup is how many one statement stores at most.
	eventGroup = 2_000
	// eventPause is how long a lone event waits for company: what a crash of the process loses at most,
	// besides the group that is being stored.
	eventPause = 50 * time.Millisecond
	// eventPatience is how long a group is tried again while the database is away.
	eventPatience = 30 * time.Second
	// drainTime bounds storing what is left when the writer stops.
	drainTime = 5 * time.Second
)

// EventWriter stores tracking events in groups, so that recording one costs a request nothing. What a
// crash loses is bounded by eventPause and the group under way; what does not fit is dropped and counted.
type EventWriter struct {
	store   func(context.Context, []analytics.Event) error
	log     *zap.Logger
	waiting chan analytics.Event
	dropped atomic.Int64
	stored  atomic.Int64
}

// NewEventWriter makes a writer; Run makes it work.
func NewEventWriter(db *DB, log *zap.Logger) *EventWriter {
	store := func(ctx context.Context, group []analytics.Event) error {
		ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
		defer cancel()
		return db.InsertEvents(ctx, group)
	}
	return &EventWriter{store: store, log: log, waiting: make(chan analytics.Event, eventBuffer)}
}

// Record takes an event without waiting, or drops it when too many wait.
func (w *EventWriter) Record(e analytics.Event) {
	select {
	case w.waiting <- e:
	default:
		w.dropped.Add(1)
	}
}

// Counts is how many events were stored and how many were dropped since the start.
func (w *EventWriter) Counts() (stored, dropped int64) { return w.stored.Load(), w.dropped.Load() }

// Run stores events until ctx ends, then what is left, and returns. It is called once. Record must not be
// called after ctx ended: stop the listener first.
func (w *EventWriter) Run(ctx context.Context) {
	for {
		select {
		case first := <-w.waiting:
			w.write(ctx, w.gather(ctx, first))
		case <-ctx.Done():
			w.drain(context.WithoutCancel(ctx))
			return
		}
	}
}

// gather waits for company for at most eventPause.
func (w *EventWriter) gather(ctx context.Context, first analytics.Event) []analytics.Event {
	group := append(make([]analytics.Event, 0, 64), first)
	timer := time.NewTimer(eventPause)
	defer timer.Stop()
	for len(group) < eventGroup {
		select {
		case e := <-w.waiting:
			group = append(group, e)
		case <-timer.C:
			return group
		case <-ctx.Done():
			return group
		}
	}
	return group
}

func (w *EventWriter) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for {
		var group []analytics.Event
		for len(group) < eventGroup && len(w.waiting) > 0 {
			group = append(group, <-w.waiting)
		}
		if len(group) == 0 {
			return
		}
		w.keep(group, w.store(ctx, group))
	}
}

// write stores a group, trying again while the database is away. A group whose fate is unknown may be
// stored twice: it counts a total too high, never a unique.
func (w *EventWriter) write(ctx context.Context, group []analytics.Event) {
	deadline := time.Now().Add(eventPatience)
	wait := 100 * time.Millisecond
	// A group that was taken is stored though ctx ends meanwhile.
	work := context.WithoutCancel(ctx)
	for {
		err := w.store(work, group)
		passing := fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Timeout)
		if !passing || time.Now().Add(wait).After(deadline) || ctx.Err() != nil {
			w.keep(group, err)
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		wait = min(2*wait, 5*time.Second)
	}
}

func (w *EventWriter) keep(group []analytics.Event, err error) {
	if err != nil {
		w.dropped.Add(int64(len(group)))
		w.log.Error("tracking events were lost", zap.Int("events", len(group)), zap.Error(err))
		return
	}
	w.stored.Add(int64(len(group)))
}
