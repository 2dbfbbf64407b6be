package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// TestCloseInEveryState: opened, with roles and not started, started, started in vain. Nothing is left running, which
// TestMain checks, and a second time says the same.
func TestCloseInEveryState(t *testing.T) {
	t.Parallel()
	everything := []Role{API, Worker, Scheduler}
	errStart := errors.New("does not start")
	for name, open := range map[string]func() (*App, error){
		"opened":      func() (*App, error) { return Open(t.Context(), migrated(t), zap.NewNop()) },
		"not started": func() (*App, error) { return New(t.Context(), migrated(t), zap.NewNop(), everything...) },
		"started": func() (*App, error) {
			a, err := New(t.Context(), migrated(t), zap.NewNop(), everything...)
			return a, errors.Join(err, a.Start(t.Context()))
		},
		"started in vain": func() (*App, error) {
			a, err := New(t.Context(), migrated(t), zap.NewNop(), everything...)
			a.add(part{name: "last", start: func(context.Context) error { return errStart }, stop: func(context.Context) error { return nil }})
			if startErr := a.Start(t.Context()); !errors.Is(startErr, errStart) {
				t.Errorf("started: %v", startErr)
			}
			return a, err
		},
	} {
		a, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 2 {
			if err := a.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if a.db.Stat().Acquired != 0 || a.queue.Ping(t.Context()) == nil {
			t.Errorf("%s: the connections are still there", name)
		}
	}
}

// TestCloseFitsTheGrace though parts hang, whether they heed their context or not; and whatever hangs, the parts after
// it have time left.
func TestCloseFitsTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := quiet("production")
		a.Config.ShutdownGrace = 20 * time.Second
		deadline := time.Now().Add(a.Config.ShutdownGrace)
		var order []string
		add := func(name string, stop func(context.Context) error) {
			a.add(part{name: name, stop: func(ctx context.Context) error {
				order = append(order, name)
				if until, ok := ctx.Deadline(); !ok || until.After(deadline) || ctx.Err() != nil {
					t.Errorf("%s may take until %s of %s: %v", name, until, deadline, ctx.Err())
				}
				return stop(ctx)
			}})
		}
		release := make(chan struct{})
		defer close(release)
		add("connections", func(context.Context) error { return nil })
		add("deaf", func(ctx context.Context) error { return within(ctx, func() { <-release }) })
		loop := background("loop", func(context.Context) { <-release })
		a.add(loop)
		add("hanging", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if err := loop.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := a.Close()
		for _, name := range []string{"hanging", "loop", "deaf"} {
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stop the "+name) {
				t.Errorf("%s is not named: %v", name, err)
			}
		}
		if late := time.Since(deadline); late > 0 || !slices.Equal(order, []string{"hanging", "deaf", "connections"}) {
			t.Errorf("closed %s after the grace, in the order %v", late, order)
		}
	})
}

// oneBatch is a ledger with a batch of one recipient, which nobody settles.
type oneBatch struct{ delivery.Ledger }

func (oneBatch) OpenSession(context.Context, string, time.Duration) (int64, error) { return 1, nil }

func (oneBatch) Claim(_ context.Context, _, batch int64, gen, token int) (*delivery.Batch, error) {
	return &delivery.Batch{ID: batch, Publication: 1, Channel: 1, Gen: gen, Token: token, Session: 1, Hi: 1}, nil
}

func (oneBatch) Owed(context.Context, *delivery.Batch) ([]delivery.Recipient, error) {
	return []delivery.Recipient{{ID: 1}}, nil
}
func (oneBatch) Flush(context.Context, delivery.Flush) error { return nil }
func (oneBatch) Control(context.Context, delivery.InHand) (delivery.Control, error) {
	return delivery.Control{}, nil
}

// TestWorkerStopsWithItsContext though a call to a provider pays no heed to anything: its batch is left to takeover, its
// task is given back, and a task that heeds is cut.
func TestWorkerStopsWithItsContext(t *testing.T) {
	t.Parallel()
	q, err := queue.Open(redistest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	sending := delivery.NewEngine(oneBatch{}, delivery.Config{Process: "test", Connections: func(int16) int { return 1 }, Notice: func(string, error) {}})
	calling, heeding, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ended := make(chan error, 2)
	h := queue.NewHandlers(nil)
	queue.Handle(h, func(ctx context.Context, task tasks.SendEmail) error {
		send := func(context.Context, *delivery.Recipient) error { close(calling); <-release; return nil }
		_, err := sending.Run(ctx, task.Batch.Batch, 1, func(context.Context, *delivery.Batch) (delivery.Way, error) { return delivery.Way{Send: send}, nil })
		ended <- err
		return err
	})
	queue.Handle(h, func(ctx context.Context, _ tasks.AggregateAnalytics) error {
		close(heeding)
		<-ctx.Done()
		ended <- nil
		return ctx.Err()
	})
	args, err := tasks.NewSend("email", 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []tasks.Args{args, tasks.NewAggregateAnalytics(time.Now())} {
		task, err := tasks.New(args, tasks.LaneNormal)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Enqueue(t.Context(), task); err != nil {
			t.Fatal(err)
		}
	}
	w, err := q.NewWorker(tasks.Queues(), queue.Slots{Urgent: 1, Bulk: 2}, h, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	<-calling
	<-heeding
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := stopWork(ctx, w, sending); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "close the sending engine") {
		t.Errorf("stopped: %v", err)
	}
	if err := w.Stop(t.Context()); err != nil { // all but the handler that pays no heed
		t.Error(err)
	}
	if list, err := q.Depths([]string{tasks.QueueEmail}); err != nil || list[0].Active != 0 || list[0].Pending+list[0].Retry+list[0].Scheduled != 1 {
		t.Errorf("the task was not given back: %+v, %v", list, err)
	}
	close(release)
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
