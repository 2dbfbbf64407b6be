package delivery

import (
	"context"
	"slices"
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
	running map[*Batch][]int64 // batches in hand, with their readers
	state   Control
	polling bool
	closed  bool
	cancel  context.CancelFunc
	ctx     context.Context
	wg      sync.WaitGroup
}

func newControl(ledger Ledger) *control {
	c := &control{ledger: ledger, running: make(map[*Batch][]int64)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// watch begins with who was read as owed. What they withdraw from then on is seen by the next poll, not by one that was
// under way: it is called right after the reading.
func (c *control) watch(b *Batch, owed []Recipient) {
	var readers []int64
	for i := range owed {
		if owed[i].Email != "" {
			readers = append(readers, owed[i].ID)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[b] = readers
	if !c.polling && !c.closed {
		c.polling = true
		c.wg.Add(1)
		go c.poll()
	}
}

func (c *control) unwatch(b *Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, b)
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
		h, busy := c.inHand()
		if !busy {
			return
		}
		// A read that fails changes nothing: a batch is held for holdTime, and the next claim looks for itself.
		ctx, cancel := context.WithTimeout(c.ctx, holdTime)
		if state, err := c.ledger.Control(ctx, h); err == nil {
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

// inHand is what is being sent; nothing ends the polling.
func (c *control) inHand() (h InHand, busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.running) == 0 || c.closed {
		c.polling = false
		c.state = Control{}
		return h, false
	}
	for b, readers := range c.running {
		h.Publications = append(h.Publications, b.Publication)
		h.Readers = append(h.Readers, readers...)
	}
	h.Publications, h.Readers = distinct(h.Publications), distinct(h.Readers)
	return h, true
}

func distinct(ids []int64) []int64 {
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (c *control) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.wg.Wait()
}
