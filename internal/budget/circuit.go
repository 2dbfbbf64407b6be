package budget

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
)

// circuit is what this process knows of a target's circuit breaker. Its own breaker counts, opens and probes by itself,
// also while Redis is away; Redis shares what they all see: failures, until when it is open, and who probes. A success
// is told to Redis only after failures, so that a healthy target costs nothing.
//
// It belongs to one version of the channel's settings: what came of others says nothing about these.
type circuit struct {
	version int
	since   time.Duration // when this process heard of that version, by budget.now
	own     *gobreaker.TwoStepCircuitBreaker[any]
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

// longestBatch is longer than a batch has a worker's slot, and so than settings are used after others were read.
const longestBatch = time.Minute

func newCircuit(b *Budget, version int) *circuit {
	c := &circuit{version: version, since: b.now()}
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
	return c
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

func (t *Target) circuitOpen(wait time.Duration) error {
	return &fault.Error{Kind: fault.Wait, Code: channel.CodeCircuitOpen, After: wait,
		Detail: t.named() + "circuit open until " + time.Now().Add(wait).UTC().Format(time.RFC3339)}
}

// Begin is called right before a call to the provider with one version of the channel's settings, and done with what came
// of it. Its error, of kind fault.Wait, is why the call must not be made. What done returns is the error to go on with: a
// failed probe, and a failure that comes when the circuit has opened already, use nobody's attempt, unless the message may
// have been accepted, or the probe was an attempt of a webhook, which have days. Of a call with settings that are not those
// of the target any more nothing is learned but a request for patience.
func (t *Target) Begin(version int) (done func(error) error, err error) {
	if err := t.shutNow(); err != nil {
		return nil, backToTheGate(err)
	}
	c := t.circuit.Load()
	if c.version != version {
		t.giveProbe()
		return t.stale, nil
	}
	own, err := c.own.Allow()
	if err != nil {
		t.giveProbe() // a call is under way that decides; should it say nothing, the next batch probes
		return nil, backToTheGate(err)
	}
	probing, probe, open := c.probe.Load() != probeNone, c.sendProbe(), c.openUntil.Load()
	began := t.budget.now()
	return func(err error) error {
		if failed(err) && t.budget.now()-began > longestCall {
			own(errStoodStill)
			t.unsaid(c, probe)
			return err
		}
		late := t.done(c, own, open, probe, err)
		if failed(err) && (late || probing && !t.spec.Load().patient) && !fault.Is(err, fault.Uncertain) {
			return backToTheGate(err)
		}
		return err
	}, nil
}

// stale is what comes of a call with settings that were changed.
func (t *Target) stale(err error) error {
	if fault.Is(err, fault.Wait) && fault.CodeOf(err) != channel.CodeBusy {
		t.throttle(err)
	}
	return err
}

// backToTheGate has a batch in hand come again soon: the gate says for how long it has to wait, or what stands in.
func backToTheGate(err error) error {
	return fault.WaitFor(time.Second, channel.CodeCircuitOpen, err)
}

// unsaid lets the next one probe after a call that was the probe said nothing of the provider.
func (t *Target) unsaid(c *circuit, probe bool) {
	if probe {
		t.freeProbe(c, probeSent)
	}
}

// done notes what a call came to that began while the circuit was open until then, 0: closed; probe: it was the probe. It
// reports whether the circuit opened meanwhile.
func (t *Target) done(c *circuit, own func(error), open int64, probe bool, err error) (late bool) {
	if c != t.circuit.Load() {
		own(errLate)
		_ = t.stale(err)
		return false
	}
	if until := c.openUntil.Load(); until != 0 && c.probe.Load() == probeNone {
		own(errLate)
		return true
	}
	if fault.CodeOf(err) == channel.CodeBusy {
		own(errNotMade)
		t.unsaid(c, probe)
		return false
	}
	own(err)
	t.sent.Add(1)
	switch {
	case failed(err):
		t.fail(c)
	case c.told.Load() || c.openUntil.Load() != 0:
		t.succeed(c, open)
	}
	if fault.Is(err, fault.Wait) {
		t.throttle(err)
	}
	return false
}

// fail tells the others of a failure. The one by which this process's own breaker opened opens it for all, also if
// somebody's success has just ended the row that they count together.
func (t *Target) fail(c *circuit) {
	c.told.Store(true)
	limit := t.budget.options.Failures
	if c.openUntil.Load() != 0 {
		limit = 1
	}
	if !t.budget.isAway() {
		answer, err := t.budget.run(t.budget.ctx, failScript, circuitKeys(t.key, c.version), limit, t.budget.options.OpenFor.Microseconds())
		if err == nil && micros(answer, 1) > 0 {
			c.open(t.budget.now() + micros(answer, 1))
		}
	}
	if c.openUntil.Load() != 0 {
		t.opened(c)
	}
}

// opened has everybody stop.
func (t *Target) opened(c *circuit) {
	if c.noticed.CompareAndSwap(false, true) {
		t.budget.options.Notice("circuit opened", t.spec.Load().name)
	}
	t.wakeAll(-1)
}

// succeed ends a row of failures, and closes a circuit that was probed: that which was open when the call began. It
// says nothing of one that opened while the call was under way.
func (t *Target) succeed(c *circuit, open int64) {
	c.told.Store(false)
	if !t.budget.isAway() {
		answer, err := t.budget.run(t.budget.ctx, okScript, circuitKeys(t.key, c.version))
		if err != nil {
			c.told.Store(true) // the next one tells
		} else if still := micros(answer, 0); still > 0 {
			c.open(t.budget.now() + still)
			return
		}
	}
	t.close(c, open)
}

// close lets everything through, if the circuit is still the one that was open until then.
func (t *Target) close(c *circuit, open int64) {
	if open == 0 || !c.openUntil.CompareAndSwap(open, 0) {
		return
	}
	c.probe.Store(probeNone)
	if c.noticed.Swap(false) {
		t.budget.options.Notice("circuit closed", t.spec.Load().name)
	}
	t.wakeAll(-1)
}
