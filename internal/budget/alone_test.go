package budget

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// TestBreakingAlone: with Redis away, a process opens the circuit and probes by itself. A probe that gets lost with its
// batch is given to the next who asks.
func TestBreakingAlone(t *testing.T) {
	t.Parallel()
	gone := goneRedis(t)
	synctest.Test(t, func(t *testing.T) {
		b := process(t, gone, "one", quickCircuit(2, time.Minute))
		target, other := b.Channel(outlet()), b.Channel(place(8, "chat", ""))
		for range 2 {
			call(t, target, errDown)
			call(t, other, errDown)
		}
		if _, err := target.Begin(0); !fault.Is(err, fault.Wait) || fault.CodeOf(err) != channel.CodeCircuitOpen {
			t.Errorf("a call while it is open: %v", err)
		}
		if target.probes(t.Context()) {
			t.Error("it may be probed while it is open")
		}
		<-time.After(time.Minute + time.Second)
		// The first finds that Redis does not answer, the second knows it.
		if b.isAway() || !target.probes(t.Context()) || !b.isAway() || !other.probes(t.Context()) {
			t.Error("nobody may probe")
		}
		if target.probes(t.Context()) {
			t.Error("two may probe at once")
		}
		<-time.After(probeLease + time.Second)
		if !target.probes(t.Context()) {
			t.Error("a probe that got lost stays so")
		}
		probe, err := target.Begin(0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := target.Begin(0); !fault.Is(err, fault.Wait) || fault.CodeOf(err) != channel.CodeCircuitOpen {
			t.Errorf("a call beside the probe: %v", err)
		}
		if err := probe(nil); err != nil {
			t.Error(err)
		}
		call(t, target, nil)
		if s := target.circuit.Load().openUntil.Load(); s != 0 {
			t.Error("it is open after a probe that succeeded")
		}
	})
}

// TestCallsThatBeganBefore the circuit opened neither close it nor use anybody's attempt.
func TestCallsThatBeganBefore(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Minute))
	target := b.Channel(outlet())
	var under []func(error) error
	for range 3 {
		done, err := target.Begin(0)
		if err != nil {
			t.Fatal(err)
		}
		under = append(under, done)
	}
	call(t, target, errDown)
	if err := under[0](errDown); !fault.Is(err, fault.Wait) || !errors.Is(err, errDown) {
		t.Errorf("a late failure became %v", err)
	}
	if err := under[1](nil); err != nil {
		t.Errorf("a late success became %v", err)
	}
	lost := fault.New(fault.Uncertain, "no_answer", "")
	if err := under[2](lost); !fault.Is(err, fault.Uncertain) {
		t.Errorf("what may have been accepted became %v", err)
	}
	if got := state(t, b); got.State != channel.CircuitOpen {
		t.Errorf("the circuit is %+v", got)
	}
}

// TestASuccessLearnsOfAnOpenCircuit that others opened: it stays open.
func TestASuccessLearnsOfAnOpenCircuit(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	short := quickCircuit(2, time.Minute)
	one, two := process(t, client, "one", short), process(t, client, "two", short)
	target := one.Channel(outlet())
	call(t, target, errDown)
	call(t, two.Channel(outlet()), errDown)
	call(t, target, nil) // it has not heard yet
	if _, err := target.Begin(0); fault.CodeOf(err) != channel.CodeCircuitOpen {
		t.Errorf("a call after that: %v", err)
	}
	if got := state(t, two); got.State != channel.CircuitOpen {
		t.Errorf("the circuit is %+v", got)
	}
}

// outage is a hook of a client that has every command fail while it lasts.
type outage struct{ atomic.Bool }

var errOutage = errors.New("an outage")

func (*outage) DialHook(next redis.DialHook) redis.DialHook { return next }

func (o *outage) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if o.Load() {
			cmd.SetErr(errOutage)
			return errOutage
		}
		return next(ctx, cmd)
	}
}

func (*outage) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestASuccessThatCouldNotBeTold is told by the next one.
func TestASuccessThatCouldNotBeTold(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	var o outage
	client.AddHook(&o)
	b := process(t, client, "one", quickCircuit(5, time.Minute))
	target := b.Channel(outlet())
	call(t, target, errDown)
	o.Store(true)
	call(t, target, nil)
	if !b.Away() {
		t.Error("nobody noticed the outage")
	}
	o.Store(false)
	if got := state(t, b); got.Failures != 1 { // which finds that Redis is back
		t.Errorf("before: %+v", got)
	}
	call(t, target, nil)
	if got := state(t, b); got.Failures != 0 || b.Away() {
		t.Errorf("after: %+v", got)
	}
}
