package app

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// part is something of a process that ends in its turn.
type part struct {
	name string
	// start begins its work; nil: it is there already.
	start func(ctx context.Context) error
	// stop ends it, started or not, and returns when ctx ends at the latest. It is called once.
	stop func(ctx context.Context) error
}

func (a *App) add(p part) { a.parts = append(a.parts, p) }

// end stops the part. Whatever it does, those after it have a tenth of the time left.
func (p part) end(whole context.Context) error {
	ctx, cancel := most(whole)
	defer cancel()
	if err := p.stop(ctx); err != nil {
		return fmt.Errorf("stop the %s: %w", p.name, err)
	}
	return nil
}

// background makes a part of a loop that ends with its context.
func background(name string, run func(ctx context.Context)) part {
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background()) // a part ends when it is stopped, in its turn
	return part{
		name:  name,
		start: func(context.Context) error { wg.Go(func() { run(ctx) }); return nil },
		stop:  func(ctx context.Context) error { cancel(); return within(ctx, wg.Wait) },
	}
}

// within waits for wait to return, for no longer than ctx. What goes on after that ends with the process.
func within(ctx context.Context, wait func()) error {
	done := make(chan struct{})
	go func() { defer close(done); wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("not ended in time: %w", ctx.Err())
	}
}

// most is ctx with nine tenths of the time that it has left: the rest is for what comes after.
func most(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
}
