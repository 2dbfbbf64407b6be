package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// recordBatch is a handler that tells which batch it got.
func recordBatch(to chan<- int64) func(context.Context, tasks.SendEmail) error {
	return func(_ context.Context, t tasks.SendEmail) error {
		to <- t.Batch.Batch
		return nil
	}
}

func TestKindsAreMatchedExactly(t *testing.T) {
	t.Parallel()
	var seen []tasks.Kind
	h := NewHandlers(func(kind tasks.Kind, _ time.Duration, _ error) { seen = append(seen, kind) })
	ran := make(chan int64, 1)
	Handle(h, recordBatch(ran))
	payload := batch(t, 5, tasks.LaneNormal).Payload
	for _, kind := range []string{"send-email-digest", "send-emai", "send", "Send-Email", ""} {
		if err := h.ProcessTask(t.Context(), asynq.NewTask(kind, payload)); !errors.Is(err, asynq.SkipRetry) {
			t.Errorf("%q: %v, want it archived", kind, err)
		}
	}
	if err := h.ProcessTask(t.Context(), asynq.NewTask("send-email", payload)); err != nil || <-ran != 5 {
		t.Errorf("the kind itself: %v", err)
	}
	if !slices.Equal(seen, []tasks.Kind{tasks.KindSendEmail}) {
		t.Errorf("observed %v", seen)
	}
}

func TestUnreadablePayloadsAreGivenUp(t *testing.T) {
	t.Parallel()
	var observed []error
	h := NewHandlers(func(_ tasks.Kind, _ time.Duration, err error) { observed = append(observed, err) })
	Handle(h, func(context.Context, tasks.SendEmail) error { t.Error("the handler ran"); return nil })
	payloads := []string{"", "null", "{}", `{"v":99,"batch":1}`, `{"v":1,"batch":"x"}`}
	for _, payload := range payloads {
		err := h.ProcessTask(t.Context(), asynq.NewTask("send-email", []byte(payload)))
		if !errors.Is(err, asynq.SkipRetry) || fault.CodeOf(err) != "unreadable_task" {
			t.Errorf("%s: %v", payload, err)
		}
	}
	if len(observed) != len(payloads) {
		t.Errorf("%d of %d were observed", len(observed), len(payloads))
	}
}

func TestWaitingIsNoFailure(t *testing.T) {
	t.Parallel()
	var observed []error
	h := NewHandlers(func(_ tasks.Kind, _ time.Duration, err error) { observed = append(observed, err) })
	results := []error{fault.WaitFor(time.Second, "not_due", nil), context.Canceled, errors.New("broken"), nil}
	next := 0
	Handle(h, func(context.Context, tasks.SendEmail) error { next++; return results[next-1] })
	for range results {
		_ = h.ProcessTask(t.Context(), asynq.NewTask("send-email", []byte(`{"v":1,"batch":1}`)))
	}
	if len(observed) != 4 || observed[0] != nil || observed[1] != nil || observed[2] == nil || observed[3] != nil {
		t.Errorf("observed %v", observed)
	}
}

func TestRetryDelays(t *testing.T) {
	t.Parallel()
	plain := errors.New("plain")
	for _, tc := range []struct {
		n    int
		err  error
		want time.Duration
	}{
		{0, plain, time.Second},
		{3, plain, 8 * time.Second},
		{6, plain, time.Minute},
		{1000, plain, time.Minute},
		{3, fault.WaitFor(42*time.Second, "busy", plain), 42 * time.Second},
		{0, fault.WaitFor(0, "busy", plain), time.Second},
		{0, unavailable(plain, "test"), 5 * time.Second},
		{7, fmt.Errorf("cut: %w", context.Canceled), 0},
	} {
		if got := retryDelay(tc.n, tc.err, nil); got != tc.want {
			t.Errorf("after %d retries of %v: %s, want %s", tc.n, tc.err, got, tc.want)
		}
	}
}

// TestOutcomes runs tasks whose handlers end in every way, one after the other, and looks where each came to lie.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	q := open(t)
	endings := map[int64]error{
		1: nil,
		2: fault.New(fault.GiveUp, "never", ""),
		3: fault.WaitFor(time.Hour, "closed", errors.New("closed")),
		4: &fault.Error{Kind: fault.Retry, Code: "later", After: time.Hour},
		5: errors.New("plain"),
		6: context.Canceled,
	}
	h := NewHandlers(nil)
	last := make(chan struct{})
	Handle(h, func(_ context.Context, t tasks.SendEmail) error { return endings[t.Batch.Batch] })
	Handle(h, func(context.Context, tasks.AggregateAnalytics) error { close(last); return nil })
	for id := range int64(6) {
		enqueue(t, q, batch(t, id+1, tasks.LaneNormal))
	}
	unknown := tasks.Task{ID: "unknown", Kind: "send-email-digest", Queue: tasks.QueueEmail, Payload: []byte("{}")}
	unreadable := tasks.Task{ID: "unreadable", Kind: tasks.KindSendEmail, Queue: tasks.QueueEmail, Payload: []byte("{}")}
	end := tasks.Task{ID: "end", Kind: tasks.KindAggregateAnalytics, Queue: tasks.QueueEmail, Payload: []byte(`{"v":1}`)}
	enqueue(t, q, unknown, unreadable, end)
	w := work(t, q, map[string]int{tasks.QueueEmail: 1}, Slots{Urgent: 1, Bulk: 1}, h)
	<-last
	stop(t, w)
	for id, want := range map[string]asynq.TaskState{
		"b:2:1": asynq.TaskStateArchived, "unknown": asynq.TaskStateArchived, "unreadable": asynq.TaskStateArchived,
		"b:3:1": asynq.TaskStateRetry, "b:4:1": asynq.TaskStateRetry, "b:5:1": asynq.TaskStateRetry, "b:6:1": asynq.TaskStateRetry,
	} {
		if info, err := q.inspector.GetTaskInfo(tasks.QueueEmail, id); err != nil || info.State != want {
			t.Errorf("%s: %+v, %v, want it in %s", id, info, err, want)
		}
	}
	for _, id := range []string{"b:1:1", "end"} {
		if _, err := q.inspector.GetTaskInfo(tasks.QueueEmail, id); !errors.Is(err, asynq.ErrTaskNotFound) {
			t.Errorf("%s: %v, want it gone", id, err)
		}
	}
	wantRetried(t, q, "b:3:1", 0) // waiting is no failure
	wantRetried(t, q, "b:4:1", 1)
}

// wantRetried looks at a task that is to run again in an hour.
func wantRetried(t *testing.T, q *Queue, id string, want int) {
	t.Helper()
	info, err := q.inspector.GetTaskInfo(tasks.QueueEmail, id)
	if err != nil {
		t.Fatal(err)
	}
	if in := time.Until(info.NextProcessAt); info.Retried != want || in > time.Hour || in < 50*time.Minute {
		t.Errorf("%s: %d retries used and due in %s, want %d and an hour", id, info.Retried, in, want)
	}
}

// TestRetried counts what a handler's task failed before, and not what it waited.
func TestRetried(t *testing.T) {
	t.Parallel()
	if n := Retried(t.Context()); n != 0 {
		t.Errorf("%d retries without a task", n)
	}
	q := open(t)
	h := NewHandlers(nil)
	var counts []int
	done := make(chan struct{})
	Handle(h, func(ctx context.Context, _ tasks.SendEmail) error {
		switch counts = append(counts, Retried(ctx)); len(counts) {
		case 1:
			return fault.WaitFor(time.Millisecond, "closed", errors.New("closed"))
		case 2:
			return &fault.Error{Kind: fault.Retry, Code: "later", After: time.Millisecond}
		}
		close(done)
		return nil
	})
	enqueue(t, q, batch(t, 1, tasks.LaneNormal))
	w := work(t, q, map[string]int{tasks.QueueEmail: 1}, Slots{Urgent: 1, Bulk: 1}, h)
	<-done
	stop(t, w)
	if !slices.Equal(counts, []int{0, 0, 1}) {
		t.Errorf("retries %v, want 0, 0, 1", counts)
	}
}

func TestNewWorkerRefuses(t *testing.T) {
	t.Parallel()
	q := open(t)
	for name, queues := range map[string]map[string]int{
		"an unknown queue":  {tasks.QueueEmail: 1, "carrier-pigeon": 1},
		"a weight of zero":  {tasks.QueueEmail: 0},
		"a negative weight": {tasks.QueueCritical: -1},
	} {
		if w, err := q.NewWorker(queues, Slots{Urgent: 1, Bulk: 1}, NewHandlers(nil), zap.NewNop()); err == nil {
			t.Errorf("%s: %v", name, w)
		}
	}
}

// TestBulkLeavesTheUrgentSlots fills every slot that bulk work may take, and then some.
func TestBulkLeavesTheUrgentSlots(t *testing.T) {
	t.Parallel()
	q := open(t)
	started, release, urgentRan := make(chan int64, 8), make(chan struct{}), make(chan int64, 1)
	h := NewHandlers(nil)
	Handle(h, func(_ context.Context, t tasks.SendEmail) error {
		if t.Batch.Batch == 99 {
			urgentRan <- 99
			return nil
		}
		started <- t.Batch.Batch
		<-release
		return nil
	})
	for id := range int64(5) {
		enqueue(t, q, batch(t, id+1, tasks.LaneBulk))
	}
	w := work(t, q, tasks.Queues(), Slots{Urgent: 1, Bulk: 2}, h)
	<-started
	<-started
	enqueue(t, q, batch(t, 99, tasks.LaneCritical))
	<-urgentRan
	if d := depth(t, q, tasks.QueueEmailBulk); d.Active != 2 || d.Pending != 3 {
		t.Errorf("%+v, want 2 running and 3 waiting", d)
	}
	if seen, err := q.Look(t.Context(), batch(t, 1, tasks.LaneBulk)); err != nil || seen != Running {
		t.Errorf("a running task: %v, %v", seen, err)
	}
	w.Pause()
	close(release)
	stop(t, w)
	if d := depth(t, q, tasks.QueueEmailBulk); d.Active != 0 || d.Pending != 3 {
		t.Errorf("%+v after the end, want 3 waiting", d)
	}
}

// TestStopEndsWithItsContext though a handler pays no heed to anything; its task is given back.
func TestStopEndsWithItsContext(t *testing.T) {
	t.Parallel()
	q := open(t)
	started, release, ended := make(chan int64, 1), make(chan struct{}), make(chan struct{})
	h := NewHandlers(nil)
	Handle(h, func(ctx context.Context, t tasks.SendEmail) error {
		defer close(ended)
		started <- t.Batch.Batch
		<-release
		return ctx.Err()
	})
	enqueue(t, q, batch(t, 1, tasks.LaneNormal))
	w := work(t, q, map[string]int{tasks.QueueEmail: 1}, Slots{Urgent: 1, Bulk: 1}, h)
	<-started
	if err := q.Close(); !errors.Is(err, errWorkers) {
		t.Errorf("closed under a worker: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	stop(t, w) // all but the handler, which was cut
	info, err := q.inspector.GetTaskInfo(tasks.QueueEmail, "b:1:1")
	if err != nil || info.State == asynq.TaskStateActive || info.State == asynq.TaskStateArchived || info.Retried != 0 {
		t.Errorf("%+v, %v, want the task back", info, err)
	}
	close(release)
	<-ended
}

// TestCutEndsHandlersThatHeed while Stop waits for them.
func TestCutEndsHandlersThatHeed(t *testing.T) {
	t.Parallel()
	q := open(t)
	started := make(chan struct{})
	h := NewHandlers(nil)
	Handle(h, func(ctx context.Context, _ tasks.SendEmail) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	})
	enqueue(t, q, batch(t, 1, tasks.LaneNormal))
	w := work(t, q, map[string]int{tasks.QueueEmail: 1}, Slots{Urgent: 1, Bulk: 1}, h)
	<-started
	stopped := make(chan error, 1)
	go func() { stopped <- w.Stop(t.Context()) }()
	w.Cut()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestWorkerStartsOnce(t *testing.T) {
	t.Parallel()
	q := open(t)
	w := work(t, q, map[string]int{tasks.QueueSlack: 1}, Slots{Urgent: 1, Bulk: 1}, NewHandlers(nil))
	if err := w.Start(); err == nil {
		t.Error("started twice")
	}
}

func TestOnlyFailuresAreLogged(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	task := asynq.NewTask("send-email", []byte(`{"v":1,"batch":4,"gen":1}`))
	for _, err := range []error{fault.WaitFor(time.Second, "busy", nil), context.Canceled, errors.New("broken")} {
		logFailure(zap.New(core), task, err)
	}
	if logs.Len() != 1 || logs.All()[0].ContextMap()["error"] != "broken" || logs.All()[0].ContextMap()["kind"] != "send-email" {
		t.Errorf("logged %v", logs.All())
	}
	// What asynq calls fatal is Start's error too: it must not end the process.
	quietLogger{zap.New(core).Sugar()}.Fatal("no", "way")
	if last := logs.All()[logs.Len()-1]; last.Level != zapcore.ErrorLevel {
		t.Errorf("logged %v", last)
	}
}
