package budget

import (
	"context"
	"time"

	"github.com/sony/gobreaker/v2"
)

// watch has what the others learn read while anything is in use.
func (b *Budget) watch() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watching || b.closed {
		return
	}
	b.watching = true
	b.wg.Go(b.readWhileUsed)
}

func (b *Budget) readWhileUsed() {
	tick := time.NewTicker(readPeriod)
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-tick.C:
		}
		used := b.inUse()
		if len(used) == 0 {
			return
		}
		for _, t := range used {
			t.observe()
			t.read(b.ctx)
		}
	}
}

// inUse is every target with a batch in hand, or just before; when there is none, nobody watches any more.
func (b *Budget) inUse() []*Target {
	b.mu.Lock()
	defer b.mu.Unlock()
	var used []*Target
	for _, t := range b.targets {
		if t.inHand.Load() > 0 || b.now()-time.Duration(t.used.Load()) < idleTime {
			used = append(used, t)
		}
	}
	b.watching = len(used) > 0
	return used
}

// observe notes how many messages a second this process sends.
func (t *Target) observe() {
	sent := t.sent.Load()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.observed = 0.5*t.observed + 0.5*float64(sent-t.counted)/readPeriod.Seconds()
	t.counted = sent
}

// refresh reads the shared state if it was not read for a while.
func (t *Target) refresh(ctx context.Context) {
	t.mu.Lock()
	fresh := t.lastRead != 0 && t.budget.now()-t.lastRead < 2*readPeriod
	t.mu.Unlock()
	if !fresh {
		t.read(ctx)
	}
}

// read takes over what the others know. Of a publication there is nothing to know.
func (t *Target) read(ctx context.Context) {
	if !t.spec.Load().breaks || t.budget.isAway() {
		return
	}
	c := t.circuit.Load()
	answer, err := t.budget.run(ctx, readScript, circuitKeys(t.key, c.version))
	if err != nil {
		return
	}
	t.mu.Lock()
	t.lastRead = t.budget.now()
	t.quota = float(answer, 5)
	t.adjust(float(answer, 4))
	t.mu.Unlock()
	if paused := micros(answer, 2); paused > 0 {
		t.pause(paused)
	}
	if number(answer, 3) > 0 {
		c.told.Store(true)
	}
	t.follow(c, number(answer, 0) == 1, micros(answer, 1))
}

// follow brings the own view of the circuit up to the shared one. A Redis that knows nothing, since it lost what it
// held, changes nothing: what is open stays so until its time.
func (t *Target) follow(c *circuit, known bool, open time.Duration) {
	switch {
	case !known:
	case open > 0:
		was := c.openUntil.Load()
		c.open(t.budget.now() + open)
		if was == 0 {
			t.opened(c)
		}
	case open < 0:
		c.openUntil.CompareAndSwap(0, int64(t.budget.now())) // half-open: ask for the probe
	case c.own.State() != gobreaker.StateOpen && c.probe.Load() == probeNone:
		t.close(c, c.openUntil.Load())
	}
}
