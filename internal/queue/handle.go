package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"go.opentelemetry.io/otel/trace"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// Handlers match tasks by their exact kind. asynq's own mux matches by prefix: "send-email" would also take a
// "send-email-digest".
type Handlers struct {
	byKind  map[tasks.Kind]func(context.Context, []byte) error
	observe func(kind tasks.Kind, took time.Duration, err error)
	tracer  trace.Tracer // nil: no spans
	watch   func(kind tasks.Kind, queue string) (ended func(took time.Duration))
}

// NewHandlers makes an empty set; observe is told of every task, with the error if it failed, and may be nil. A task
// that was told to wait, or was cut because the process stops, did not fail.
func NewHandlers(observe func(tasks.Kind, time.Duration, error)) *Handlers {
	return &Handlers{byKind: make(map[tasks.Kind]func(context.Context, []byte) error), observe: observe}
}

// Trace makes a span of every task that belongs to a trace. It is called before the first task.
func (h *Handlers) Trace(tracer trace.Tracer) { h.tracer = tracer }

// Watch has begun called as each task begins, and what it returns as it ends, whatever comes of it. It is called before
// the first task.
func (h *Handlers) Watch(begun func(kind tasks.Kind, queue string) (ended func(took time.Duration))) {
	h.watch = begun
}

// Handle registers the handler of one kind of task. A handler may be called twice at once for the same task,
// and may go on after its context ended: whatever it does is fenced.
func Handle[T tasks.Args](h *Handlers, fn func(context.Context, T) error) {
	var zero T
	h.byKind[zero.Kind()] = func(ctx context.Context, payload []byte) error {
		args, err := tasks.Decode[T](payload)
		if err != nil {
			return fault.Wrap(err, fault.GiveUp, "unreadable_task")
		}
		return fn(ctx, args)
	}
}

// ProcessTask runs a task; it is asynq's interface.
func (h *Handlers) ProcessTask(ctx context.Context, t *asynq.Task) error {
	handler, ok := h.byKind[tasks.Kind(t.Type())]
	if !ok {
		return fmt.Errorf("no handler for %q: %w", t.Type(), asynq.SkipRetry)
	}
	began := time.Now()
	if h.watch != nil {
		queue, _ := asynq.GetQueueName(ctx)
		ended := h.watch(tasks.Kind(t.Type()), queue)
		defer func() { ended(time.Since(began)) }()
	}
	err := h.traced(ctx, t, handler)
	if h.observe != nil {
		failure := err
		if !isFailure(err) {
			failure = nil
		}
		h.observe(tasks.Kind(t.Type()), time.Since(began), failure)
	}
	if fault.Is(err, fault.GiveUp) {
		return errors.Join(err, asynq.SkipRetry)
	}
	return err
}

// Retried is how often the task that a handler's ctx belongs to has failed and been retried; 0 outside of one.
func Retried(ctx context.Context) int {
	n, _ := asynq.GetRetryCount(ctx)
	return n
}

// isFailure tells asynq what counts as a retry: waiting does not, nor does being cut because the process stops.
func isFailure(err error) bool {
	return !fault.Is(err, fault.Wait) && !errors.Is(err, context.Canceled)
}

// retryDelay is how long a failed task waits: as long as it was told, not at all if it was cut, else exponentially up to
// a minute.
func retryDelay(n int, err error, _ *asynq.Task) time.Duration {
	var known *fault.Error
	if errors.As(err, &known) && known.After > 0 {
		return known.After
	}
	if errors.Is(err, context.Canceled) {
		return 0
	}
	return min(time.Second<<min(n, 6), time.Minute)
}
