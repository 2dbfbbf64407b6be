package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// Gate says who may be sent to now: it holds what a provider takes, in all processes together. It acts before a window
// is listed, so that nobody is on an in-flight list who has to wait. It is safe for concurrent use.
type Gate interface {
	// Enter asks for a batch with n owed recipients whether it is worth a worker's slot now. It may ask another server,
	// and its error, of kind fault.Wait, says why not and for how long; batches that are told to wait get different
	// times. After nil, until the pass is left, wake is called whenever more may be taken than before, with how many at
	// most, or with -1 when the gate shut. It returns at once, and may be called out of the pass's own methods.
	Enter(ctx context.Context, lane tasks.Lane, n int, wake func(n int)) (Pass, error)
}

// Pass is what a batch in hand has of its gate. Its methods make no network call. It is safe for concurrent use.
type Pass interface {
	// Take takes up to n at once; 0: none just now, and wake will be called. Its error, of kind fault.Wait, says that it
	// will be long.
	Take(n int) (int, error)
	// Ready reports whether Take would give any, or an error.
	Ready() bool
	// Give gives back what was taken for recipients who were not sent to.
	Give(n int)
	// Shut is nil, or a Wait error that says why not even those may be sent to who were taken before.
	Shut() error
	// Leave is called once, when the batch is out of hand.
	Leave()
}

// Way is how the recipients of a batch are sent to.
type Way struct {
	Send Send
	// Gate says when; nil: at any time.
	Gate Gate
}

// turnedAway is a batch that may not be sent now; nobody of it was.
type turnedAway struct{ because error }

// Error says why, and until when.
func (t turnedAway) Error() string { return t.because.Error() }

func (t turnedAway) wait() time.Duration {
	var known *fault.Error
	if errors.As(t.because, &known) {
		return max(known.After, time.Second)
	}
	return pauseAfterError
}

// putOff gives a batch back that was turned away. Its task comes again by itself, and keeps the reason meanwhile, for
// whoever looks at the queue: hence no new nudge.
func (e *Engine) putOff(ctx context.Context, b *Batch, t turnedAway) (Report, error) {
	ctx = context.WithoutCancel(ctx)
	err := untilDone(e.abandon, func() error {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		return e.ledger.PutOff(ctx, b, t.wait())
	})
	if errors.Is(err, ErrFenced) {
		return Report{Stale: true}, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("put batch %d off: %w", b.ID, err)
	}
	// The queue keeps whole seconds and cuts off the rest: a task that came early would only be told to wait again.
	after := (t.wait() + 2*time.Second - 1).Truncate(time.Second)
	return Report{PutOff: true}, &fault.Error{Kind: fault.Wait, Code: fault.CodeOf(t.because), After: after, Detail: detailOf(t.because)}
}

func detailOf(err error) string {
	var known *fault.Error
	if errors.As(err, &known) && known.Detail != "" {
		return known.Detail
	}
	return err.Error()
}

// Both is the gate of two: what passes has passed both. The first is the narrower one, if that is known. Either may be
// nil, and the result is if both are.
func Both(first, second Gate) Gate {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	default:
		return both{first, second}
	}
}

type both struct{ first, second Gate }

// Enter enters both, or neither.
func (g both) Enter(ctx context.Context, lane tasks.Lane, n int, wake func(int)) (Pass, error) {
	second, err := g.second.Enter(ctx, lane, n, wake)
	if err != nil {
		return nil, err
	}
	first, err := g.first.Enter(ctx, lane, n, wake)
	if err != nil {
		second.Leave()
		return nil, err
	}
	return passes{first, second}, nil
}

type passes struct{ first, second Pass }

// Take gives what both give. That one is shut is said although the other has nothing to give: Ready says so too.
func (p passes) Take(n int) (int, error) {
	if err := p.Shut(); err != nil {
		return 0, err
	}
	n, err := p.first.Take(n)
	if n == 0 || err != nil {
		return 0, err
	}
	granted, err := p.second.Take(n)
	p.first.Give(n - granted)
	return granted, err
}

// Ready is so if both are, or one of them is shut.
func (p passes) Ready() bool {
	return p.Shut() != nil || p.first.Ready() && p.second.Ready()
}

// Give gives back to both.
func (p passes) Give(n int) {
	p.first.Give(n)
	p.second.Give(n)
}

// Shut says why the one of them is that is shut; the second is asked first.
func (p passes) Shut() error {
	if err := p.second.Shut(); err != nil {
		return err
	}
	return p.first.Shut()
}

// Leave leaves both.
func (p passes) Leave() {
	p.first.Leave()
	p.second.Leave()
}
