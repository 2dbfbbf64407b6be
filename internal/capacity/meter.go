package capacity

import (
	"math"
	"sync"
	"time"
)

// Period is how often a worker says what it measured.
const Period = 5 * time.Second

// memory is how long ago what was measured counts half.
const memory = 30 * time.Second

// Meter measures what a worker does: how long messages and tasks take, and how much of the worker they use. It is safe
// for concurrent use.
type Meter struct {
	atOnce func(kind string) int

	mu      sync.Mutex
	kinds   map[string]*tally
	running int
}

// tally is what was measured of a kind.
type tally struct {
	now, past sums
}

// sums are of units, of the seconds that they took, and of the shares of the worker that tasks held: a task that holds
// one of ten slots for ten seconds holds one second of the worker.
type sums struct{ units, seconds, held float64 }

// NewMeter makes a Meter; atOnce is how many messages of a kind of channel the worker sends at once.
func NewMeter(atOnce func(kind string) int) *Meter {
	return &Meter{atOnce: atOnce, kinds: map[string]*tally{}}
}

func (m *Meter) of(kind string) *tally {
	t, ok := m.kinds[kind]
	if !ok {
		t = &tally{}
		m.kinds[kind] = t
	}
	return t
}

// Call counts a message that was handed to its provider.
func (m *Meter) Call(kind string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.of(kind)
	t.now.units++
	t.now.seconds += took.Seconds()
}

// Begin counts a task that begins.
func (m *Meter) Begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running++
}

// End counts a task that ended, and what it held: one of so many slots. A task that sends is counted by its messages.
func (m *Meter) End(kind string, sends bool, took time.Duration, slots int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running--
	t := m.of(kind)
	t.now.held += took.Seconds() / float64(max(slots, 1))
	if !sends {
		t.now.units++
		t.now.seconds += took.Seconds()
	}
}

// Running is how many tasks run.
func (m *Meter) Running() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

// Measured is what a Meter has to say of the time since it was last asked.
type Measured struct {
	// Costs are of the kinds that there was something of.
	Costs map[string]Cost
	// Busy is the part of the worker that was in use, 0 to 1; PerSecond how many units it did.
	Busy, PerSecond float64
}

// Measure says what was measured, and begins anew. What lies further back counts less and less.
func (m *Meter) Measure(elapsed time.Duration) Measured {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := Measured{Costs: map[string]Cost{}}
	seconds := max(elapsed.Seconds(), 1e-3)
	keep := math.Exp2(-seconds / memory.Seconds())
	held := 0.0
	for kind, t := range m.kinds {
		atOnce := float64(max(m.atOnce(kind), 1))
		out.PerSecond += t.now.units / seconds
		held += t.now.held / seconds
		out.Busy = max(out.Busy, t.now.seconds/atOnce/seconds) // kinds of channels have connections of their own
		t.past = sums{t.past.units*keep + t.now.units, t.past.seconds*keep + t.now.seconds, t.past.held*keep + t.now.held}
		if t.now.units > 0 {
			share := t.past.seconds / atOnce / t.past.units
			out.Costs[kind] = Cost{Seconds: t.past.seconds / t.past.units, Share: share, Worker: max(share, t.past.held/t.past.units)}
		}
		t.now = sums{}
	}
	out.Busy = min(max(out.Busy, held), 1)
	return out
}
