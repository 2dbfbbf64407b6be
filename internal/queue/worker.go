package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"go.uber.org/zap"

	"github.com/presswork/presswork/tasks"
)

// Slots is how many tasks a worker runs at once.
type Slots struct {
	// Urgent slots serve the small and urgent queues only: weights act only when a slot falls free, so a slot
	// that bulk work may take is not there when it is needed.
	Urgent int
	Bulk   int
}

// urgent queues have reserved slots: their tasks are short, or somebody waits for them.
var urgent = map[string]bool{
	tasks.QueueCritical: true, tasks.QueueRender: true, tasks.QueuePersonalize: true,
	tasks.QueueSlack: true, tasks.QueueDiscord: true, tasks.QueueWebhook: true,
}

// How often an idle server looks for tasks. Each look is one script call per queue: at these an idle process with all
// roles takes some 5 % of a core, and 1.3 % of the one that Redis has for all workers.
const (
	urgentPoll = 40 * time.Millisecond
	bulkPoll   = 100 * time.Millisecond
	delayPoll  = 500 * time.Millisecond
)

// Worker takes tasks from a set of queues: one asynq server for the urgent ones, one for the rest.
type Worker struct {
	queue    *Queue
	servers  []*asynq.Server
	handlers *Handlers
	cut      context.CancelFunc
	stopping sync.Once
	started  bool
	idle     chan struct{} // closed once everything is stopped
}

// never is when asynq gives up waiting for handlers by itself: Cut says when.
const never = 24 * time.Hour

// NewWorker makes a worker of queues by weight.
func (q *Queue) NewWorker(queues map[string]int, slots Slots, h *Handlers, log *zap.Logger) (*Worker, error) {
	lanes := [2]map[string]int{{}, {}}
	for name, weight := range queues {
		if _, known := tasks.Queues()[name]; !known {
			return nil, fmt.Errorf("no queue is called %q", name)
		}
		if weight < 1 {
			return nil, fmt.Errorf("queue %s: the weight must be at least 1", name)
		}
		if urgent[name] {
			lanes[0][name] = weight
		} else {
			lanes[1][name] = weight
		}
	}
	running, cut := context.WithCancel(context.Background())
	w := &Worker{queue: q, handlers: h, cut: cut, idle: make(chan struct{})}
	for i, poll := range []time.Duration{urgentPoll, bulkPoll} {
		if len(lanes[i]) == 0 {
			continue
		}
		w.servers = append(w.servers, asynq.NewServerFromRedisClient(q.redis, asynq.Config{
			Concurrency: []int{slots.Urgent, slots.Bulk}[i], Queues: lanes[i],
			TaskCheckInterval: poll, DelayedTaskCheckInterval: delayPoll,
			BaseContext: func() context.Context { return running }, ShutdownTimeout: never, IsFailure: isFailure, RetryDelayFunc: retryDelay,
			ErrorHandler: asynq.ErrorHandlerFunc(func(_ context.Context, t *asynq.Task, err error) { logFailure(log, t, err) }),
			Logger:       quietLogger{log.Sugar()}, LogLevel: asynq.WarnLevel,
		}))
	}
	return w, nil
}

func logFailure(log *zap.Logger, t *asynq.Task, err error) {
	if isFailure(err) && !errors.Is(err, context.Canceled) {
		log.Warn("task failed", zap.String("kind", t.Type()), zap.ByteString("payload", t.Payload()), zap.Error(err))
	}
}

var errStarted = errors.New("the worker was started before")

// Start begins to take tasks. It is called once.
func (w *Worker) Start() error {
	if w.started {
		return errStarted
	}
	w.queue.workers.Add(1)
	w.started = true
	for i, s := range w.servers {
		if err := s.Start(w.handlers); err != nil {
			for _, running := range w.servers[:i] {
				running.Shutdown()
			}
			w.started = false
			w.queue.workers.Add(-1)
			return fmt.Errorf("start to take tasks: %w", err)
		}
	}
	return nil
}

// Pause takes no new task; running ones go on.
func (w *Worker) Pause() {
	for _, s := range w.servers {
		s.Stop()
	}
}

// Cut ends the contexts of the handlers that still run, and gives their tasks back without waiting for them. It may be
// repeated, and called while Stop waits.
func (w *Worker) Cut() { w.cut() }

// Stop takes no new task and waits for the running ones, for no longer than ctx: then they are cut, and its error is
// returned. It may be repeated.
func (w *Worker) Stop(ctx context.Context) error {
	w.Pause()
	defer w.Cut()
	w.stopping.Do(func() {
		go func() {
			defer close(w.idle)
			for _, s := range w.servers {
				s.Shutdown()
			}
			if w.started {
				w.queue.workers.Add(-1)
			}
		}()
	})
	select {
	case <-w.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for running tasks: %w", ctx.Err())
	}
}

// quietLogger passes asynq's log lines on.
type quietLogger struct{ *zap.SugaredLogger }

// Fatal would end the process: it is asynq's word for an error at start, and Start returns that too.
func (l quietLogger) Fatal(args ...any) { l.Error(args...) }
