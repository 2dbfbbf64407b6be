package budget

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

const laneCount = 3

// Target is what one provider, or one publication, may be sent just now. It is safe for concurrent use.
type Target struct {
	budget *Budget
	key    string
	spec   atomic.Pointer[spec]

	circuit atomic.Pointer[circuit] // of the newest settings that this process knows
	paused  atomic.Int64            // until when the provider asked for a pause, by budget.now
	limited atomic.Bool             // tokens are needed
	sent    atomic.Int64            // calls that were answered, to learn a rate from
	inHand  atomic.Int32            // batches
	used    atomic.Int64            // when the last batch came or went, by budget.now
	asked   time.Duration           // when somebody last asked for it; the budget's lock guards it

	mu       sync.Mutex
	passes   map[*pass]struct{}
	tokens   int
	void     int           // tokens that were for nobody, and do not count as sent: Redis is not told yet
	day      int64         // on which they were taken, by Redis; 0: without it
	expires  time.Duration // when the tokens in hand are worth nothing any more
	lanes    [laneCount]hold
	taking   bool          // a goroutine takes tokens
	wanted   chan struct{} // it has something to look at
	rate     float64       // as last told, 0: none
	quota    float64
	workers  int
	turn     [laneCount]time.Duration // when the lane's next batch that is turned away may come
	lastRead time.Duration
	counted  int64   // sent, when it was last looked at
	observed float64 // messages a second
	share    share
	held     map[string]int64 // batches turned away, by reason
}

// hold is what keeps a lane waiting.
type hold struct {
	short bool          // somebody wants more than there was
	until time.Duration // when it is worth asking again
	why   string
}

func newTarget(b *Budget, key string) *Target {
	t := &Target{budget: b, key: key, passes: make(map[*pass]struct{}), wanted: make(chan struct{}, 1), workers: 1,
		held: make(map[string]int64)}
	t.spec.Store(&spec{key: key, perDay: func(time.Time) int { return 0 }})
	t.circuit.Store(newCircuit(b, 0))
	return t
}

// configure takes over what is configured now, unless it is older than what is known: somebody still has a batch in hand
// that began before the change. Other settings begin with a closed circuit; all else goes on.
func (t *Target) configure(s spec) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.circuit.Load(); c.version != s.version {
		if s.version < c.version && t.budget.now()-c.since < longestBatch {
			return
		}
		t.circuit.Store(newCircuit(t.budget, s.version))
		t.lastRead = 0
	}
	old := t.spec.Swap(&s)
	if old.rate != s.rate || old.perDay(time.Now()) != s.perDay(time.Now()) {
		t.lanes, t.turn = [laneCount]hold{}, [laneCount]time.Duration{}
	}
	t.adjust(t.rate)
}

// adjust notes the rate that holds now, with the lock held; 0 is that of the settings.
func (t *Target) adjust(rate float64) {
	s := t.spec.Load()
	ceiling := s.ceiling(t.quota)
	if rate == 0 || ceiling > 0 && rate > ceiling {
		rate = ceiling
	}
	t.rate = rate
	t.limited.Store(rate > 0 || s.perDay(time.Now()) > 0)
}

// fair is this process's part of the rate, with the lock held.
func (t *Target) fair() float64 { return t.rate / float64(max(t.workers, 1)) }

const (
	// worthASlot is how long a batch may wait for its turn in a worker's slot. Beyond that the slot is for others.
	worthASlot = time.Second
	// worthAnUrgentSlot is that of the critical lane, which has slots of its own: coming back takes two seconds more.
	worthAnUrgentSlot = 3 * time.Second
	// longestWait is after how long a batch that is turned away looks again at the latest: the rate may have risen.
	longestWait = 30 * time.Second
	// arrival lets batches come back somewhat faster than they can be sent, so that none of the rate is lost.
	arrival = 1.25
)

// Enter is delivery.Gate's. It asks Redis if nothing was heard of the target for a moment, or for the probe of a circuit
// that is half-open.
func (t *Target) Enter(ctx context.Context, lane tasks.Lane, n int, wake func(int)) (delivery.Pass, error) {
	t.refresh(ctx)
	if err := t.shutNow(); err != nil && !t.probes(ctx) {
		return nil, t.turnedAway(t.shutNow())
	}
	if probing, left := t.circuit.Load().probeLeft(); probing && !left {
		return nil, t.turnedAway(t.circuitOpen(halfOpenWait))
	}
	p := &pass{target: t, lane: min(max(int(lane), 0), laneCount-1), left: n, wake: wake}
	t.mu.Lock()
	if err := t.admit(p); err != nil {
		t.mu.Unlock()
		return nil, t.turnedAway(err)
	}
	t.passes[p] = struct{}{}
	t.mu.Unlock()
	t.inHand.Add(1)
	t.used.Store(int64(t.budget.now()))
	t.budget.watch()
	return p, nil
}

// turnedAway counts a reason, and spreads what would else come back at once.
func (t *Target) turnedAway(err error) error {
	known, ok := err.(*fault.Error) //nolint:errorlint // made here, and never wrapped
	if !ok {
		return fault.WaitFor(time.Second, "circuit_changed", err) // it closed between two looks
	}
	spread := time.Second + known.After/8
	spread = min(spread, 5*time.Second)
	later := *known
	later.After += rand.N(spread) //nolint:gosec // jitter, not a secret
	t.mu.Lock()
	t.held[known.Code]++
	t.mu.Unlock()
	return &later
}

// admit is nil if the pass may wait for its turn here, with the lock held. What is before it decides, and how long its
// lane is held anyway.
func (t *Target) admit(p *pass) error {
	if !t.limited.Load() {
		return nil
	}
	now := t.budget.now()
	if wait := t.lanes[p.lane].until - now; wait > worthASlot {
		return t.rateLimited(wait, t.lanes[p.lane].why)
	}
	ahead := 0
	for other := range t.passes {
		if other.lane <= p.lane {
			ahead += other.left
		}
	}
	fair := t.fair()
	if fair == 0 || ahead == 0 {
		return nil
	}
	before := seconds(float64(ahead) / fair)
	if before <= worthASlot || p.lane == int(tasks.LaneCritical) && before <= worthAnUrgentSlot {
		return nil
	}
	t.turn[p.lane] = max(t.turn[p.lane], now+before)
	wait := t.turn[p.lane] - now
	if wait > longestWait {
		return t.rateLimited(longestWait/2+rand.N(longestWait/2), "rate") //nolint:gosec // jitter, not a secret
	}
	t.turn[p.lane] += seconds(float64(p.left) / fair / arrival)
	return t.rateLimited(wait, "rate")
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, math.MaxInt32) * float64(time.Second))
}

// Codes of the Wait errors of a gate, beside channel.CodeCircuitOpen.
const (
	codeRate   = "rate_limit"
	codeDay    = "warmup_limit"
	codePaused = "provider_pause"
)

// longestDay is after how long a batch looks again that has to wait for tomorrow: the plan may have changed.
const longestDay = time.Hour

func (t *Target) rateLimited(wait time.Duration, why string) error {
	switch why {
	case whyDay:
		return &fault.Error{Kind: fault.Wait, Code: codeDay, After: min(wait, longestDay), Detail: t.named() + "the day's number of the warm-up is sent"}
	case "paused":
		return t.pausedFor(wait)
	default:
		return &fault.Error{Kind: fault.Wait, Code: codeRate, After: min(wait, longestWait), Detail: t.named() + "as much is waiting as its rate allows"}
	}
}

func (t *Target) pausedFor(wait time.Duration) error {
	return &fault.Error{Kind: fault.Wait, Code: codePaused, After: wait,
		Detail: t.named() + "the provider asked to wait until " + time.Now().Add(wait).UTC().Format(time.RFC3339)}
}

// named is who an error is about.
func (t *Target) named() string {
	if name := t.spec.Load().name; name != "" {
		return "channel " + name + ": "
	}
	return "publication: "
}

// shutNow is nil, or why nothing may be sent at all.
func (t *Target) shutNow() error {
	if err := t.circuit.Load().shut(t); err != nil {
		return err
	}
	until := t.paused.Load()
	if until == 0 {
		return nil
	}
	wait := time.Duration(until) - t.budget.now()
	if wait <= 0 {
		t.paused.CompareAndSwap(until, 0)
		return nil
	}
	return t.pausedFor(wait)
}

// wakeAll has everybody look again, after the lock is let go.
func (t *Target) wakeAll(n int) {
	t.mu.Lock()
	var first *pass
	var all []*pass
	for p := range t.passes {
		all = append(all, p)
		if first == nil || p.lane < first.lane {
			first = p
		}
	}
	t.mu.Unlock()
	if n >= 0 && first != nil {
		all = []*pass{first} // they share their connections: one is told for all
	}
	for _, p := range all {
		p.wake(n)
	}
}
