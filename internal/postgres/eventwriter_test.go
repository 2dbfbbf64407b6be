package postgres

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/fault"
)

func TestEventWriterStoresAndDrains(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	w := NewEventWriter(n.DB, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	const events = 3*eventGroup + 7
	for i := range int64(events) {
		w.Record(analytics.Event{At: time.Now(), Kind: analytics.Click, Publication: 1, Channel: 1, Recipient: i, Link: 2})
	}
	go func() {
		w.Run(ctx)
		close(done)
	}()
	cancel()
	<-done
	if rows := value[int](t, n.DB, `SELECT count(DISTINCT recipient_id)::int FROM event WHERE kind = 2 AND link = 2`); rows != events {
		t.Errorf("%d events", rows)
	}
	if stored, dropped := w.Counts(); stored != events || dropped != 0 {
		t.Errorf("%d stored, %d dropped", stored, dropped)
	}
}

// writer is an EventWriter whose store is a function.
func writer(store func(context.Context, []analytics.Event) error) *EventWriter {
	return &EventWriter{store: store, log: zap.NewNop(), waiting: make(chan analytics.Event, eventBuffer)}
}

func TestEventWriterGroupsTriesAgainAndGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var groups []int
		var failures []error
		w := writer(func(_ context.Context, group []analytics.Event) error {
			if len(failures) > 0 {
				err := failures[0]
				failures = failures[1:]
				return err
			}
			groups = append(groups, len(group))
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		go w.Run(ctx)
		expect := func(wait time.Duration, stored, dropped int64) {
			t.Helper()
			<-time.After(wait) // by the clock of the bubble
			synctest.Wait()
			if s, d := w.Counts(); s != stored || d != dropped {
				t.Errorf("%d stored, %d dropped, want %d and %d", s, d, stored, dropped)
			}
		}
		w.Record(analytics.Event{})
		w.Record(analytics.Event{})
		expect(eventPause-time.Millisecond, 0, 0)
		expect(time.Millisecond, 2, 0)
		away := fault.New(fault.Unavailable, "database_unavailable", "")
		failures = []error{away, away}
		w.Record(analytics.Event{})
		expect(time.Second, 3, 0)
		failures = []error{errors.New("no partition")}
		w.Record(analytics.Event{})
		expect(time.Second, 3, 1)
		for range 100 {
			failures = append(failures, away)
		}
		w.Record(analytics.Event{})
		expect(2*eventPatience, 3, 2)
		cancel()
		synctest.Wait()
		if len(groups) != 2 || groups[0] != 2 {
			t.Errorf("groups %v", groups)
		}
	})
}

func TestEventWriterIsBounded(t *testing.T) {
	t.Parallel()
	w := writer(nil)
	for range eventBuffer + 3 {
		w.Record(analytics.Event{})
	}
	if stored, dropped := w.Counts(); stored != 0 || dropped != 3 {
		t.Errorf("%d stored, %d dropped", stored, dropped)
	}
}
