package capacity

import (
	"math"
	"slices"
	"time"
)

const (
	// unmeasured is what a message or a task is taken for until one was measured: 1,000 a second for a worker.
	unmeasured = 0.001
	// floor is the least that a message costs a worker, by what a core can do (docs/architecture.md has measured ones):
	// a provider's rate is never taken to be used up by fewer workers than that needs.
	floor = 1.0 / 5000
	// headroom is how much of the workers is meant to be in use when nothing waits.
	headroom = 0.8
	// tolerance is by how much the need may exceed the workers that are there before more are asked for.
	tolerance = 0.1
	// idle is the part of a worker that is in use when it has nothing to do but look after itself.
	idle = 0.05
	// stopped is how long what is owed takes, in seconds, while a provider takes nothing.
	stopped = 24.0 * 60 * 60
	// nothing is a rate, in messages a second, that is as good as none: one in eleven days.
	nothing = 1e-6
	// spare is how many connections of the database are left to people and to other programs.
	spare = 10
)

// need is what a pool needs of workers, before anything bounds it.
type need struct {
	units    map[string]float64 // owed and due, by kind
	owed     float64            // their sum
	paused   float64
	work     float64 // seconds of one worker
	replicas float64 // of them, those that the providers' rates leave something to do
	provider float64 // seconds that the slowest provider takes
	usable   float64 // replicas that the providers' rates leave something to do at most; infinite if one has no rate
}

func (l Load) need(p Pool, objective time.Duration) need {
	n := need{units: map[string]float64{}}
	for _, w := range l.Work {
		if !slices.Contains(p.Queues, w.Queue) {
			continue
		}
		switch w.State {
		case Paused:
			n.paused += w.Units
		case Later:
		default:
			n.units[w.Kind] += w.Units
			n.owed += w.Units
		}
	}
	for kind, units := range n.units {
		n.add(units, l.cost(kind), l.rate(kind), objective.Seconds())
	}
	return n
}

func (n *need) add(units float64, cost Cost, rate, objective float64) {
	if units == 0 {
		return
	}
	seconds := units * cost.Worker
	n.work += seconds
	if math.IsInf(rate, 1) {
		n.replicas += seconds / objective
		n.usable = math.Inf(1)
		return
	}
	// While workers wait for the provider's leave they seem slow: what a call takes says how many of them the rate can use.
	usable := rate * max(cost.Share, floor)
	n.usable += usable
	n.replicas += min(seconds/objective, usable)
	took := stopped
	if rate > nothing {
		took = units / rate
	}
	n.provider = max(n.provider, took)
}

// cost is what a unit of the kind costs, measured or assumed.
func (l Load) cost(kind string) Cost {
	c, ok := l.Costs[kind]
	if !ok || c.Worker <= 0 {
		return Cost{Seconds: c.Seconds, Share: unmeasured, Worker: unmeasured}
	}
	return c
}

func (l Load) rate(kind string) float64 {
	rate, ok := l.Rates[kind]
	if !ok {
		return math.Inf(1)
	}
	return max(rate, 0)
}

// crew is the workers of a pool.
type crew struct {
	live, draining   int
	busy, throughput float64
}

func (l Load) crew(p Pool) crew {
	var c crew
	for _, w := range l.Workers {
		if !w.serves(p) {
			continue
		}
		c.throughput += w.PerSecond
		if w.Draining {
			c.draining++
			continue
		}
		c.live++
		c.busy += w.Busy
	}
	return c
}

// wanted is how many workers would do now, within the pool's bounds: enough for what is owed to be done within the
// objective, no fewer than are busy, no more than the providers can use.
func (n need) wanted(p Pool, c crew) int {
	// What comes as fast as it is done leaves nothing waiting, and still needs those who do it.
	holding := min(c.busy/headroom, float64(c.live))
	if c.busy < idle {
		holding = 0
	}
	if n.owed > 0 {
		holding = min(holding, n.usable)
	}
	replicas := max(n.replicas, holding)
	count := int(math.Ceil(min(replicas, float64(p.Max)+1) - 1e-9))
	if count > c.live && replicas <= float64(c.live)*(1+tolerance) {
		count = c.live
	}
	if n.owed > 0 {
		count = max(count, 1)
	}
	return max(count, p.Min)
}

// affordable is how many workers of the pool the database has connections for. Those that live have theirs, and other
// pools' workers will open as many as they may.
func (l Load) affordable(p Pool, live int, s Settings) int {
	each, theirs, reserved := s.DatabasePool, 0, 0
	for _, w := range l.Workers {
		each = max(each, w.DatabasePool)
		theirs += w.DatabaseOpen
		if !w.serves(p) {
			reserved += max(w.DatabasePool, w.DatabaseOpen)
		}
	}
	limit := l.Connections
	if s.DatabaseConnections > 0 {
		limit = s.DatabaseConnections
	}
	if limit <= 0 || each <= 0 {
		return math.MaxInt32
	}
	others := max(l.InUse-theirs, 0) + reserved + l.promised*each + spare
	return max((limit-others)/each, live, 1)
}
