package capacity

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is a pool whose workers each do 100 a second, driven by its own plan: a fluid, no process.
type world struct {
	pool     Pool
	settings Settings
	backlog  float64
	replicas int
	starting []time.Duration // when those that start will be there
	now      time.Duration
	done     float64 // in the last step
	noted    []note
	turns    int // changes of direction
	last     int // the last direction
	highest  int
}

type note struct {
	at     time.Duration
	wanted int
}

const step = 5 * time.Second

// tick lets a step pass: work comes and is done, then the controller follows the plan.
func (w *world) tick(coming, rate float64, startup time.Duration) Status {
	w.now += step
	for len(w.starting) > 0 && w.starting[0] <= w.now {
		w.starting = w.starting[1:]
		w.replicas++
	}
	w.backlog += coming
	able := 100 * float64(w.replicas) * step.Seconds()
	if rate > 0 {
		able = min(able, rate*step.Seconds())
	}
	w.done = min(w.backlog, able)
	w.backlog -= w.done
	l := send(Ready, w.backlog)
	if rate > 0 {
		l = l.at(rate)
	}
	busy := 0.0
	if w.replicas > 0 {
		busy = w.done / (100 * step.Seconds()) / float64(w.replicas)
	}
	l = l.with(w.replicas, busy)
	s := l.assess(w.pool, w.settings)
	w.noted = append(w.noted, note{w.now, s.Wanted})
	most := 0
	for _, n := range w.noted {
		if w.now-n.at < w.settings.Stable {
			most = max(most, n.wanted)
		}
	}
	s.settle(most, math.MaxInt32)
	w.follow(s.Desired, startup)
	return s
}

func (w *world) follow(desired int, startup time.Duration) {
	there := w.replicas + len(w.starting)
	direction := 0
	for ; there < desired; there++ {
		w.starting = append(w.starting, w.now+startup)
		direction = 1
	}
	if desired < there {
		direction = -1
		w.replicas = max(w.replicas-(there-desired), 0)
	}
	if direction != 0 && direction != w.last {
		w.turns++
		w.last = direction
	}
	w.highest = max(w.highest, w.replicas)
}

func newWorld(least, most int) *world {
	p := mail(least, most)
	return &world{pool: p, settings: settings(p), replicas: least}
}

// TestBurst: as many as needed at once, done within the objective and a start, and back once, not earlier than it may.
func TestBurst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(0, 2).Draw(t, "least"), 50)
		size := rapid.Float64Range(1, 250_000).Draw(t, "size")
		startup := time.Duration(rapid.IntRange(0, 30).Draw(t, "startup")) * time.Second
		w.tick(size, 0, startup)
		began := w.now
		for w.backlog > 0 {
			w.tick(0, 0, startup)
			if w.now-began > w.settings.Objective+startup+3*step {
				t.Fatalf("%f of %f are left after %s", w.backlog, size, w.now-began)
			}
		}
		for range 40 {
			w.tick(0, 0, startup)
		}
		if w.replicas != w.pool.Min || w.turns > 2 {
			t.Fatalf("%d replicas after %d turns", w.replicas, w.turns)
		}
	})
}

// TestSteadyWork comes as fast as it is done: the workers who do it stay, though nothing waits.
func TestSteadyWork(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(1, 50)
		perSecond := rapid.Float64Range(1, 3000).Draw(t, "per second")
		for range 500 {
			w.tick(perSecond*step.Seconds(), 0, 10*time.Second)
		}
		w.turns = 0
		for range 200 {
			w.tick(perSecond*step.Seconds(), 0, 10*time.Second)
		}
		enough := perSecond / 100
		left := w.backlog / 100 / float64(w.replicas) // seconds: who is a little behind for good is found out by that
		if w.turns > 1 || float64(w.replicas) < enough && left > (1+tolerance)*w.settings.Objective.Seconds()+step.Seconds() || float64(w.replicas) > enough/headroom*1.3+2 {
			t.Fatalf("%d replicas for %f, %d turns", w.replicas, enough, w.turns)
		}
	})
}

// TestSlowProvider: a backlog of hours at the provider's rate is no reason for more workers than it can use.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(0, 50)
	w.tick(1e6, 14, 0)
	for range 100 {
		if s := w.tick(0, 14, 0); s.LimitedBy != ByProvider {
			t.Fatalf("limited by %s", s.LimitedBy)
		}
	}
	if w.highest != 1 {
		t.Errorf("%d replicas for 14 a second", w.highest)
	}
}
