package budget

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
)

// probeLease is for how long one process may probe alone: longer than a call takes.
const probeLease = 15 * time.Second

// circuit is what this process knows of a target's circuit breaker. Its own breaker counts, opens and probes by itself,
// also while Redis is away; Redis shares what they all see: failures, until when it is open, and who probes. A success
// is told to Redis only after failures, so that a healthy target costs nothing.
type circuit struct {
	own *gobreaker.TwoStepCircuitBreaker[any]
	// openUntil is by budget.now; 0: closed. Once it has passed, the circuit is half-open until somebody's probe
	// succeeds.
	openUntil atomic.Int64
	// told: Redis knows of failures, so that it has to hear of a success.
	told atomic.Bool
	// probe is where this process's probe is.
	probe atomic.Int32
	// noticed: that it is open was told.
	noticed atomic.Bool
}

// A probe is nobody's business, or may be taken, or is on its way.
const (
	probeNone int32 = iota
	probeFree
	probeTaken
)

// What says nothing of the provider: what a call came to that began before the circuit opened, that took longer than any
// may, or that was not made after all. The second was this process's standing still, on a machine that was suspended or
// starved, and all its calls fail then at once.
var (
	errLate       = errors.New("the call began before the circuit opened")
	errStoodStill = errors.New("this process stood still")
	errNotMade    = errors.New("the call was not made")
)

// longestCall is longer than any call takes: the engine cuts them off after 10 seconds.
const longestCall = 12 * time.Second

func (c *circuit) init(b *Budget) {
	c.own = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		MaxRequests: 1, Timeout: b.options.OpenFor,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= b.options.Failures },
		IsSuccessful: func(err error) bool { return !failed(err) },
		IsExcluded: func(err error) bool {
			return errors.Is(err, errLate) || errors.Is(err, errStoodStill) || errors.Is(err, errNotMade)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				c.open(b.now() + b.options.OpenFor)
			}
		},
	})
}

// failed reports whether an error says that the provider does not work: it could not be reached, did not answer, or
// answered that it failed. That it refuses one recipient, or asks for patience, says that it works.
func failed(err error) bool {
	if err == nil || errors.Is(err, delivery.ErrPlaceholder) {
		return false
	}
	kind := fault.KindOf(err)
	return kind != fault.GiveUp && kind != fault.Wait
}

func (c *circuit) open(until time.Duration) {
	for {
		old := c.openUntil.Load()
		if int64(until) <= old || c.openUntil.CompareAndSwap(old, int64(until)) {
			break
		}
	}
	c.told.Store(true)
	c.probe.Store(probeNone)
}

// shut is nil, or until when nothing may be sent.
func (c *circuit) shut(t *Target) error {
	until := c.openUntil.Load()
	if until == 0 || c.probe.Load() != probeNone {
		return nil
	}
	return t.circuitOpen(max(time.Duration(until)-t.budget.now(), halfOpenWait))
}

// halfOpenWait is how long to wait for what somebody else's probe comes to.
const halfOpenWait = 2 * time.Second

func (t *Target) circuitOpen(wait time.Duration) error {
	return &fault.Error{Kind: fault.Wait, Code: channel.CodeCircuitOpen, After: wait,
		Detail: t.named() + "circuit open until " + time.Now().Add(wait).UTC().Format(time.RFC3339)}
}

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

// giveProbe puts a probe back that was not sent, and wakes whoever waits for what it comes to. It reports whether this
// process probes.
func (t *Target) giveProbe() bool {
	if t.circuit.probe.CompareAndSwap(probeTaken, probeFree) {
		t.wakeAll(1)
		return true
	}
	return t.circuit.probe.Load() != probeNone
}

// probes reports whether this process may probe now, or the circuit is closed after all.
func (t *Target) probes(ctx context.Context) bool {
	c := &t.circuit
	until := c.openUntil.Load()
	if until == 0 || t.budget.now() < time.Duration(until) {
		return false
	}
	if t.budget.isAway() {
		return t.probeAlone(until)
	}
	answer, err := t.budget.run(ctx, probeScript, t.key, probeLease.Microseconds())
	if err != nil {
		return t.probeAlone(until)
	}
	switch number(answer, 0) {
	case 1, 2: // closed, or lost with Redis: then the own breaker lets one through
		return t.probeAlone(until)
	default:
		if micros(answer, 1) > halfOpenWait {
			c.open(t.budget.now() + micros(answer, 1))
		}
		return false
	}
}

// probeAlone makes the probe this process's.
func (t *Target) probeAlone(until int64) bool {
	c := &t.circuit
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

// Begin is called right before a call to the provider, and done with what came of it. Its error, of kind fault.Wait, is
// why the call must not be made. What done returns is the error to go on with: a failed probe, and a failure that comes
// when the circuit has opened already, use nobody's attempt, unless the message may have been accepted.
func (t *Target) Begin() (done func(error) error, err error) {
	if err := t.shutNow(); err != nil {
		return nil, backToTheGate(err)
	}
	own, err := t.circuit.own.Allow()
	if err != nil {
		return nil, backToTheGate(err)
	}
	probing, open := t.circuit.probe.Load() != probeNone, t.circuit.openUntil.Load()
	began := t.budget.now()
	return func(err error) error {
		if failed(err) && t.budget.now()-began > longestCall {
			own(errStoodStill)
			return err
		}
		late := t.done(own, open, err)
		if failed(err) && (late || probing) && !fault.Is(err, fault.Uncertain) {
			return backToTheGate(err)
		}
		return err
	}, nil
}

// backToTheGate has a batch in hand come again soon: the gate says for how long it has to wait, or what stands in.
func backToTheGate(err error) error {
	return fault.WaitFor(time.Second, channel.CodeCircuitOpen, err)
}

// done notes what a call came to that began while the circuit was open until then, 0: closed. It reports whether the
// circuit opened meanwhile.
func (t *Target) done(own func(error), open int64, err error) (late bool) {
	c := &t.circuit
	if until := c.openUntil.Load(); until != 0 && c.probe.Load() == probeNone {
		own(errLate)
		return true
	}
	if fault.CodeOf(err) == channel.CodeBusy {
		own(errNotMade)
		t.giveProbe()
		return false
	}
	own(err)
	t.sent.Add(1)
	switch {
	case failed(err):
		t.fail()
	case c.told.Load() || c.openUntil.Load() != 0:
		t.succeed(open)
	}
	if fault.Is(err, fault.Wait) {
		t.throttle(err)
	}
	return false
}

// fail tells the others of a failure. The one by which this process's own breaker opened opens it for all, also if
// somebody's success has just ended the row that they count together.
func (t *Target) fail() {
	c := &t.circuit
	c.told.Store(true)
	limit := t.budget.options.Failures
	if c.openUntil.Load() != 0 {
		limit = 1
	}
	if !t.budget.isAway() {
		answer, err := t.budget.run(t.budget.ctx, failScript, t.key, limit, t.budget.options.OpenFor.Microseconds())
		if err == nil && micros(answer, 1) > 0 {
			c.open(t.budget.now() + micros(answer, 1))
		}
	}
	if c.openUntil.Load() != 0 {
		t.opened()
	}
}

// opened has everybody stop.
func (t *Target) opened() {
	if t.circuit.noticed.CompareAndSwap(false, true) {
		t.budget.options.Notice("circuit opened", t.spec.Load().name)
	}
	t.wakeAll(-1)
}

// succeed ends a row of failures, and closes a circuit that was probed: that which was open when the call began. It
// says nothing of one that opened while the call was under way.
func (t *Target) succeed(open int64) {
	c := &t.circuit
	c.told.Store(false)
	if !t.budget.isAway() {
		answer, err := t.budget.run(t.budget.ctx, okScript, t.key)
		if err != nil {
			c.told.Store(true) // the next one tells
		} else if still := micros(answer, 0); still > 0 {
			c.open(t.budget.now() + still)
			return
		}
	}
	t.close(open)
}

// close lets everything through, if the circuit is still the one that was open until then.
func (t *Target) close(open int64) {
	c := &t.circuit
	if open == 0 || !c.openUntil.CompareAndSwap(open, 0) {
		return
	}
	c.probe.Store(probeNone)
	if c.noticed.Swap(false) {
		t.budget.options.Notice("circuit closed", t.spec.Load().name)
	}
	t.wakeAll(-1)
}
