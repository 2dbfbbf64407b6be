package delivery

import (
	"context"
	"sync"
	"time"
)

// controlPoll is how often the flags of running publications are read.
const controlPoll = 100 * time.Millisecond

// control keeps what operators and subscribers changed about the work in hand: a pause, a cancellation, a
// withdrawn consent. It polls while there is work, and only then.
type control struct {
	ledger Ledger

	mu      sync.Mutex
	running map[int64]int // publications in hand
	state   Control
	polling bool
	closed  bool
	cancel  context.CancelFunc
	ctx     context.Context
	wg      sync.WaitGroup
}

func newControl(ledger Ledger) *control {
	c := &control{ledger: ledger, running: make(map[int64]int)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func (c *control) watch(b *Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[b.Publication]++
	if !c.polling && !c.closed {
		c.polling = true
		c.wg.Add(1)
		go c.poll()
	}
}

func (c *control) unwatch(b *Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[b.Publication]--; c.running[b.Publication] == 0 {
		delete(c.running, b.Publication)
	}
}

func (c *control) stopped(b *Batch) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Stopped[b.Publication] || c.state.Paused[ChannelLane{b.Channel, int16(b.Lane)}]
}

// revoked reports whether the recipient withdrew something that was not there yet when the batch was read. What
// was read decides, not the time of the reading: a withdrawal may be older than that and have committed later.
func (c *control) revoked(r *Recipient) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.state.Revoked[r.ID]
	return ok && at.After(r.Revoked)
}

func (c *control) poll() {
	defer c.wg.Done()
	tick := time.NewTicker(controlPoll)
	defer tick.Stop()
	for {
		ids := c.inHand()
		if ids == nil {
			return
		}
		// A read that fails changes nothing: a batch is held for holdTime, and the next claim looks for itself.
		ctx, cancel := context.WithTimeout(c.ctx, holdTime)
		if state, err := c.ledger.Control(ctx, ids); err == nil {
			c.mu.Lock()
			c.state = state
			c.mu.Unlock()
		}
		cancel()
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// inHand is the publications being sent; nil ends the polling.
func (c *control) inHand() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.running) == 0 || c.closed {
		c.polling = false
		c.state = Control{}
		return nil
	}
	ids := make([]int64, 0, len(c.running))
	for id := range c.running {
		ids = append(ids, id)
	}
	return ids
}

func (c *control) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.wg.Wait()
}
