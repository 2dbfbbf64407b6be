// Package worker has one file per kind of task, each thin: decode, let the domain decide, store. Every handler
// may be called twice at once for the same task, and repeats no effect.
package worker

import (
	"context"

	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/tasks"
)

// Handlers is every handler of the worker.
type Handlers struct {
	Render      *Render
	Personalize *Personalize
	Send        *Send
	Aggregate   *Aggregate
}

// Register adds them all.
func (h Handlers) Register(to *queue.Handlers) {
	queue.Handle(to, h.Render.Handle)
	queue.Handle(to, h.Personalize.Handle)
	queue.Handle(to, func(ctx context.Context, t tasks.SendEmail) error { return h.Send.Handle(ctx, t.Batch) })
	queue.Handle(to, func(ctx context.Context, t tasks.SendNewsletter) error { return h.Send.Handle(ctx, t.Batch) })
	queue.Handle(to, func(ctx context.Context, t tasks.SendSlack) error { return h.Send.Handle(ctx, t.Batch) })
	queue.Handle(to, func(ctx context.Context, t tasks.SendDiscord) error { return h.Send.Handle(ctx, t.Batch) })
	queue.Handle(to, func(ctx context.Context, t tasks.SendWebhook) error { return h.Send.Handle(ctx, t.Batch) })
	queue.Handle(to, h.Aggregate.Handle)
}
