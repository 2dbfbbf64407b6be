package queue

import (
	"context"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// Outbox is where tasks wait for the relay.
type Outbox interface {
	// Outbox reads a page, oldest first.
	Outbox(ctx context.Context, limit int) ([]tasks.Committed, error)
	// DeleteOutbox removes what was enqueued.
	DeleteOutbox(ctx context.Context, rows []int64) error
}

const (
	relayPage    = 1000
	relayWriters = 16
	// relayPause is how long the relay waits after a failure: long enough not to flood the log while a server is
	// away, short enough for a failure of one task to hold up nobody.
	relayPause = 500 * time.Millisecond
	// relayTime bounds one page: a connection that died without a word would hold the relay up for good.
	relayTime = time.Minute
	// relaySoon is what tasks that nobody waits for are gathered for: a tenth of the half second that what of a
	// publication is in the queue lasts at 12,000 messages a second.
	relaySoon = 50 * time.Millisecond
)

// Relay moves tasks from the outbox to the queue: read a page without a lock, enqueue, delete by id. Any
// number may run at once, and any may die in between: the task id makes a doubled task one.
type Relay struct {
	outbox Outbox
	queue  *Queue
	every  time.Duration
	log    *zap.Logger
	poke   chan struct{}
	soon   chan struct{}
}

// NewRelay makes a relay that looks at the outbox at least this often, and whenever it is poked.
func NewRelay(outbox Outbox, q *Queue, every time.Duration, log *zap.Logger) *Relay {
	return &Relay{outbox: outbox, queue: q, every: every, log: log, poke: make(chan struct{}, 1), soon: make(chan struct{}, 1)}
}

// Poke says that something was just committed to the outbox. It never blocks.
func (r *Relay) Poke() {
	select {
	case r.poke <- struct{}{}:
	default:
	}
}

// Expect says that something was committed to the outbox that may wait for a moment, so that more comes with it. It never
// blocks.
func (r *Relay) Expect() {
	select {
	case r.soon <- struct{}{}:
	default:
	}
}

// Run relays until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	for {
		n, err := r.step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			r.log.Warn("outbox not relayed, trying again", zap.Error(err), zap.Duration("in", relayPause))
			select {
			case <-ctx.Done():
				return
			case <-time.After(relayPause):
			}
		case n == relayPage:
		default:
			if !r.rest(ctx, tick.C) {
				return
			}
		}
	}
}

// rest waits until it is time to look again, and returns false if that is never.
func (r *Relay) rest(ctx context.Context, tick <-chan time.Time) bool {
	var gathered <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case <-r.poke:
			return true
		case <-gathered:
			return true
		case <-r.soon:
			if gathered == nil {
				gathered = time.After(relaySoon)
			}
		}
	}
}

// step relays one page and returns its size.
func (r *Relay) step(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	page, err := r.outbox.Outbox(ctx, relayPage)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	enqueued := make([]bool, len(page))
	group, ctx2 := errgroup.WithContext(ctx)
	group.SetLimit(relayWriters)
	for i := range page {
		group.Go(func() error {
			err := r.queue.Enqueue(ctx2, page[i].Task)
			enqueued[i] = err == nil
			return err
		})
	}
	enqueueErr := group.Wait()
	rows := make([]int64, 0, len(page))
	for i, ok := range enqueued {
		if ok {
			rows = append(rows, page[i].Row)
		}
	}
	if len(rows) > 0 {
		if err := r.outbox.DeleteOutbox(ctx, rows); err != nil {
			return 0, err
		}
	}
	if fault.Is(enqueueErr, fault.Unavailable) {
		return len(rows), enqueueErr
	}
	return len(page), enqueueErr
}
