package smtp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// pool holds the open connections. The one used last is used next, so that with less to send the others
// grow old and are closed.
type pool struct {
	dial  func(ctx context.Context) (*conn, error)
	slots chan struct{} // one for each connection in use

	mu     sync.Mutex
	idle   []*conn // the one used last is last
	closed bool
	expiry *time.Timer // set while there are idle connections
}

func newPool(size int, dial func(ctx context.Context) (*conn, error)) *pool {
	return &pool{dial: dial, slots: make(chan struct{}, size)}
}

// use lends a connection to do. If do finds a kept one stale it is called again, with a fresh one.
func (p *pool) use(ctx context.Context, do func(*conn) error) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	err := p.lend(ctx, p.take, do)
	if errors.Is(err, errStale) {
		return p.lend(ctx, p.open, do)
	}
	return err
}

// useFresh lends a new connection to do.
func (p *pool) useFresh(ctx context.Context, do func(*conn) error) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	return p.lend(ctx, p.open, do)
}

// enter waits for a slot.
func (p *pool) enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return notSent(context.Cause(ctx))
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return notSent(context.Cause(ctx))
	}
}

func (p *pool) leave() { <-p.slots }

func (p *pool) lend(ctx context.Context, from func(context.Context) (*conn, error), do func(*conn) error) error {
	c, err := from(ctx)
	if err != nil {
		return err
	}
	defer p.give(c)
	return do(c)
}

// take returns the connection used last, or a new one.
func (p *pool) take(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	p.expireLocked()
	if last := len(p.idle) - 1; last >= 0 {
		c := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		c.kept = true
		return c, nil
	}
	p.mu.Unlock()
	return p.open(ctx)
}

// open makes a new connection.
func (p *pool) open(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, fault.New(fault.Retry, "closed", "The channel is being closed.")
	}
	return p.dial(ctx)
}

// give takes a connection back, or closes it if it is of no more use.
func (p *pool) give(c *conn) {
	c.idleSince = time.Now()
	p.mu.Lock()
	keep := !p.closed && !c.broken && c.mails < maxMails
	if keep {
		p.idle = append(p.idle, c)
		if p.expiry == nil {
			p.expiry = time.AfterFunc(idleTimeout, p.expire)
		}
	}
	p.mu.Unlock()
	if !keep {
		c.close()
	}
}

// expire closes what has been idle too long, and comes back for the rest.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expiry = nil
	p.expireLocked()
	if len(p.idle) > 0 {
		p.expiry = time.AfterFunc(time.Until(p.idle[0].idleSince.Add(idleTimeout)), p.expire)
	}
}

func (p *pool) expireLocked() {
	for len(p.idle) > 0 && time.Since(p.idle[0].idleSince) >= idleTimeout {
		p.idle[0].close()
		p.idle = append(p.idle[:0], p.idle[1:]...)
	}
}

// close ends the idle connections and lets no new one be made.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.expiry != nil {
		p.expiry.Stop()
	}
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}
