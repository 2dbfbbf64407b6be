package budget

import (
	"context"
	"time"
)

// probeLease is for how long one process may probe alone: longer than a call takes.
const probeLease = 15 * time.Second

// halfOpenWait is how long to wait for what somebody else's probe comes to.
const halfOpenWait = 2 * time.Second

// A probe is nobody's business, or may be taken, or is taken by a batch that has not begun its call, or is on its way.
const (
	probeNone int32 = iota
	probeFree
	probeTaken
	probeSent
)

// takeProbe takes the probe, if the circuit is half-open and it is this process's.
func (c *circuit) takeProbe() (probing bool, n int) {
	switch c.probe.Load() {
	case probeNone:
		return false, 0
	case probeFree:
		if c.probe.CompareAndSwap(probeFree, probeTaken) {
			return true, 1
		}
	}
	return true, 0
}

func (c *circuit) probeLeft() (probing, left bool) {
	state := c.probe.Load()
	return state != probeNone, state == probeFree
}

// sendProbe notes that a call begins which is the probe. It is not if there is none, or another call is it.
func (c *circuit) sendProbe() bool {
	return c.probe.CompareAndSwap(probeTaken, probeSent) || c.probe.CompareAndSwap(probeFree, probeSent)
}

// giveProbe puts a probe back that was not sent, and wakes whoever waits for what it comes to. One that is on its way is its
// call's to settle, whoever gives something back meanwhile. It reports whether this process probes.
func (t *Target) giveProbe() bool {
	c := t.circuit.Load()
	t.freeProbe(c, probeTaken)
	return c.probe.Load() != probeNone
}

// freeProbe lets the next one have the probe of a circuit, if it is still there.
func (t *Target) freeProbe(c *circuit, from int32) {
	if c.probe.CompareAndSwap(from, probeFree) {
		t.wakeAll(1)
	}
}

// probes reports whether this process may probe now, or the circuit is closed after all.
func (t *Target) probes(ctx context.Context) bool {
	c := t.circuit.Load()
	until := c.openUntil.Load()
	if until == 0 || t.budget.now() < time.Duration(until) {
		return false
	}
	if t.budget.isAway() {
		return c.probeAlone(until)
	}
	answer, err := t.budget.run(ctx, probeScript, circuitKeys(t.key, c.version), probeLease.Microseconds())
	if err != nil {
		return c.probeAlone(until)
	}
	switch number(answer, 0) {
	case 1, 2: // closed, or lost with Redis: then the own breaker lets one through
		return c.probeAlone(until)
	case 0:
		if micros(answer, 1) > halfOpenWait {
			c.open(t.budget.now() + micros(answer, 1))
		}
	}
	return false // somebody else probes: that is over long before it has to be
}

// probeAlone makes the probe this process's.
func (c *circuit) probeAlone(until int64) bool {
	if c.openUntil.Load() != until || !c.probe.CompareAndSwap(probeNone, probeFree) {
		return false
	}
	// Should the probe get lost with its batch, the next who asks may have it.
	time.AfterFunc(probeLease, func() {
		if c.openUntil.Load() == until {
			c.probe.Store(probeNone)
		}
	})
	return true
}
