package queue

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

func TestOpenRefusesWhatIsNoURL(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:6379", "http://localhost", "redis://localhost/x"} {
		if q, err := Open(address); err == nil {
			t.Errorf("%q was opened", address)
			_ = q.Close()
		}
	}
}

func TestEnqueuedTwiceIsOneTask(t *testing.T) {
	t.Parallel()
	q := open(t)
	one, two := batch(t, 1, tasks.LaneNormal), batch(t, 2, tasks.LaneNormal)
	enqueue(t, q, one, one, two, one)
	if d := depth(t, q, tasks.QueueEmail); d.Pending != 2 {
		t.Errorf("%d tasks, want 2", d.Pending)
	}
	delayed := batch(t, 3, tasks.LaneNormal)
	delayed.NotBefore = time.Now().Add(time.Hour)
	enqueue(t, q, delayed, delayed)
	info, err := q.inspector.GetTaskInfo(delayed.Queue, delayed.ID)
	if err != nil {
		t.Fatal(err)
	}
	if late := delayed.NotBefore.Sub(info.NextProcessAt).Abs(); late > time.Second {
		t.Errorf("the task is due at %s, want %s", info.NextProcessAt, delayed.NotBefore)
	}
	if d := depth(t, q, tasks.QueueEmail); d.Pending != 2 || d.Scheduled != 1 {
		t.Errorf("%+v, want 2 pending and 1 scheduled", d)
	}
}

func TestEachKindHasItsTimeout(t *testing.T) {
	t.Parallel()
	q := open(t)
	for _, tc := range []struct {
		args tasks.Args
		want time.Duration
	}{
		{tasks.NewRender(1, 1), tasks.RenderTimeout},
		{tasks.NewPersonalize(1, 1), tasks.PersonalizeTimeout},
		{tasks.NewAggregateAnalytics(time.Unix(5, 0)), tasks.AggregateTimeout},
		{tasks.SendSlack{Batch: tasks.Batch{Version: 1, Batch: 1, Gen: 1}}, tasks.SendTimeout},
	} {
		task, err := tasks.New(tc.args, tasks.LaneNormal)
		if err != nil {
			t.Fatal(err)
		}
		enqueue(t, q, task)
		info, err := q.inspector.GetTaskInfo(task.Queue, task.ID)
		if err != nil || info.Timeout != tc.want || info.MaxRetry != maxRetry || info.Type != string(task.Kind) {
			t.Errorf("%s: %+v, %v, want a timeout of %s", task.Kind, info, err, tc.want)
		}
	}
}

func TestDepthsOfQueuesThatDoNotExist(t *testing.T) {
	t.Parallel()
	q := open(t)
	list, err := q.Depths([]string{tasks.QueueEmail, tasks.QueueSlack})
	if err != nil || len(list) != 2 || list[0] != (Depth{Queue: tasks.QueueEmail}) || list[1] != (Depth{Queue: tasks.QueueSlack}) {
		t.Errorf("got %+v, %v", list, err)
	}
	enqueue(t, q, batch(t, 1, tasks.LaneNormal))
	if d := depth(t, q, tasks.QueueEmail); d.Pending != 1 || d.Latency < 0 || d.Paused {
		t.Errorf("got %+v", d)
	}
}

func TestSetPausedMayBeRepeated(t *testing.T) {
	t.Parallel()
	q := open(t)
	for _, paused := range []bool{false, true, true, false, false} {
		// Several schedulers do it at once.
		errs := make(chan error, 4)
		for range cap(errs) {
			go func() { errs <- q.SetPaused(t.Context(), tasks.QueueEmail, paused) }()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Errorf("set to %v: %v", paused, err)
			}
		}
		enqueue(t, q, batch(t, 1, tasks.LaneNormal))
		if d := depth(t, q, tasks.QueueEmail); d.Paused != paused {
			t.Errorf("set to %v: %+v", paused, d)
		}
	}
}

func TestPausedQueueGivesNothingOut(t *testing.T) {
	t.Parallel()
	q := open(t)
	if err := q.SetPaused(t.Context(), tasks.QueueEmail, true); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, batch(t, 1, tasks.LaneNormal), batch(t, 2, tasks.LaneCritical))
	ran := make(chan int64, 2)
	h := NewHandlers(nil)
	Handle(h, recordBatch(ran))
	w := work(t, q, map[string]int{tasks.QueueEmail: 10, tasks.QueueCritical: 1}, Slots{Urgent: 1, Bulk: 1}, h)
	if got := <-ran; got != 2 {
		t.Errorf("batch %d ran", got)
	}
	if err := q.SetPaused(t.Context(), tasks.QueueEmail, false); err != nil {
		t.Fatal(err)
	}
	if got := <-ran; got != 1 {
		t.Errorf("batch %d ran", got)
	}
	stop(t, w)
}

func TestCanary(t *testing.T) {
	t.Parallel()
	q := open(t)
	if n, err := q.Canary(t.Context()); err != nil || n != -1 {
		t.Errorf("a fresh Redis has canary %d, %v", n, err)
	}
	if err := q.SetCanary(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if n, err := q.Canary(t.Context()); err != nil || n != 7 {
		t.Errorf("canary %d, %v", n, err)
	}
	// A server of a Cluster comes back with an old copy, then with nothing.
	for old, want := range map[any]int64{3: 3, nil: -1} {
		key := canaryKey(tasks.QueueSlack)
		if err := q.Redis().Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
		if old != nil {
			if err := q.Redis().Set(t.Context(), key, old, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := q.Canary(t.Context()); err != nil || n != want {
			t.Errorf("with one queue at %v: canary %d, %v", old, n, err)
		}
	}
	if err := q.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestQueuesAreSeenAfterALoss has a Redis that lost everything, under a client that goes on.
func TestQueuesAreSeenAfterALoss(t *testing.T) {
	t.Parallel()
	q := open(t)
	enqueue(t, q, batch(t, 1, tasks.LaneNormal))
	if err := q.Redis().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := q.SetCanary(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, batch(t, 2, tasks.LaneNormal))
	if held, err := q.Look(t.Context(), batch(t, 2, tasks.LaneNormal)); err != nil || held != Waiting {
		t.Errorf("a task enqueued after the loss is held: %v, %v", held, err)
	}
	if d := depth(t, q, tasks.QueueEmail); d.Pending != 1 {
		t.Errorf("got %+v, want 1 pending", d)
	}
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	g := newGate(t, redistest.New(t))
	q := openAt(t, g.address)
	enqueue(t, q, batch(t, 1, tasks.LaneNormal))
	g.set(true)
	ctx := t.Context()
	for name, try := range map[string]func() error{
		"ping":       func() error { return q.Ping(ctx) },
		"enqueue":    func() error { return q.Enqueue(ctx, batch(t, 2, tasks.LaneNormal)) },
		"holds":      func() error { _, err := q.Look(t.Context(), batch(t, 1, tasks.LaneNormal)); return err },
		"depths":     func() error { _, err := q.Depths([]string{tasks.QueueEmail}); return err },
		"pause":      func() error { return q.SetPaused(ctx, tasks.QueueEmail, true) },
		"resume":     func() error { return q.SetPaused(ctx, tasks.QueueEmail, false) },
		"canary":     func() error { _, err := q.Canary(ctx); return err },
		"set canary": func() error { return q.SetCanary(ctx, 1) },
	} {
		if err := try(); !fault.Is(err, fault.Unavailable) || fault.CodeOf(err) != "redis_unavailable" {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.set(false)
	if held, err := q.Look(t.Context(), batch(t, 1, tasks.LaneNormal)); err != nil || held != Waiting {
		t.Errorf("back again: %v, %v", held, err)
	}
	if q.Redis() == nil {
		t.Error("no connection to share")
	}
}
