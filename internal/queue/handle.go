package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// Handlers match tasks by their exact kind. asynq's own mux matches by prefix: "send-email" would also take a
// "send-email-digest".
type Handlers struct {
	byKind  map[tasks.Kind]func(context.Context, []byte) error
	observe func(kind tasks.Kind, took time.Duration, err error)
}

// NewHandlers makes an empty set; observe is told of every task and may be nil.
func NewHandlers(observe func(tasks.Kind, time.Duration, error)) *Handlers {
	return &Handlers{byKind: make(map[tasks.Kind]func(context.Context, []byte) error), observe: observe}
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
	err := handler(ctx, t.Payload())
	if h.observe != nil {
		h.observe(tasks.Kind(t.Type()), time.Since(began), err)
	}
	if fault.Is(err, fault.GiveUp) {
		return errors.Join(err, asynq.SkipRetry)
	}
	return err
}

// isFailure tells asynq what counts as a retry: waiting does not.
func isFailure(err error) bool { return !fault.Is(err, fault.Wait) }

// retryDelay is how long a failed task waits: as long as it was told, else exponentially up to a minute.
func retryDelay(n int, err error, _ *asynq.Task) time.Duration {
	var known *fault.Error
	if errors.As(err, &known) && known.After > 0 {
		return known.After
	}
	return min(time.Second<<min(n, 6), time.Minute)
}
