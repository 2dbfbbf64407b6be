package budget

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

var errDown = fault.New(fault.Retry, "not_sent", "connection refused")

// call makes one call to a target's provider, which answers err.
func call(t *testing.T, target *Target, err error) {
	t.Helper()
	done, begun := target.Begin(0)
	if begun != nil {
		t.Fatalf("not begun: %v", begun)
	}
	if got := done(err); !errors.Is(got, err) {
		t.Errorf("%v became %v", err, got)
	}
}

func state(t *testing.T, b *Budget) channel.Circuit {
	t.Helper()
	c, err := b.Circuit(t.Context(), 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFailuresOfAllOpenOneCircuit, for all; one probe in all closes it again.
func TestFailuresOfAllOpenOneCircuit(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	short := quickCircuit(5, time.Second)
	one, two := process(t, client, "one", short), process(t, client, "two", short)
	a, b := one.Channel(outlet()), two.Channel(outlet())
	for range 3 {
		call(t, a, errDown)
	}
	call(t, b, errDown)
	if got := state(t, two); got.State != channel.CircuitClosed || got.Failures != 4 {
		t.Errorf("after 4 failures: %+v", got)
	}
	w := newWoken()
	p, err := a.Enter(t.Context(), tasks.LaneNormal, 10, w.wake)
	if err != nil {
		t.Fatal(err)
	}
	call(t, b, errDown)
	if got := state(t, one); got.State != channel.CircuitOpen || time.Until(got.Reopens) > 2*time.Second {
		t.Errorf("after 5 failures: %+v", got)
	}
	_, err = b.Enter(t.Context(), tasks.LaneCritical, 1, w.wake)
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != channel.CodeCircuitOpen || f.Detail == "" {
		t.Errorf("got %v", err)
	}
	until(t, "the batch in hand to be told", func() bool { return p.Shut() != nil && len(w.ch) > 0 })
	if _, err := p.Take(1); fault.CodeOf(err) != channel.CodeCircuitOpen {
		t.Errorf("got %v", err)
	}
	p.Leave()

	until(t, "the circuit to be half-open", func() bool { return state(t, one).State == channel.CircuitHalfOpen })
	probe, other := enterOne(t, a, b)
	if n, err := probe.Take(10); n != 1 || err != nil {
		t.Errorf("the probe takes %d, %v", n, err)
	}
	if n, err := probe.Take(10); n != 0 || err != nil {
		t.Errorf("beside the probe %d may go, %v", n, err)
	}
	// Whoever asks meanwhile comes back soon, and not when the probe must be over.
	if _, err := other.Enter(t.Context(), tasks.LaneNormal, 1, w.wake); !errors.As(err, &f) || f.After > 2*halfOpenWait {
		t.Errorf("while another probes: %v, after %s", err, f.After)
	}
	call(t, probe.(*pass).target, nil)
	if n, err := probe.Take(10); n != 10 || err != nil {
		t.Errorf("after the probe: %d, %v", n, err)
	}
	probe.Leave()
	until(t, "the other to hear of it", func() bool {
		p, err := other.Enter(t.Context(), tasks.LaneNormal, 1, w.wake)
		if err == nil {
			p.Leave()
		}
		return err == nil
	})
	call(t, other, nil)
	if got := state(t, one); got.State != channel.CircuitClosed {
		t.Errorf("closed: %+v", got)
	}
}

// enterOne has both targets ask at once until one of them may probe, and the other one not.
func enterOne(t *testing.T, a, b *Target) (probe interface {
	Take(int) (int, error)
	Leave()
}, other *Target) {
	t.Helper()
	var found any
	until(t, "one to probe", func() bool {
		var wg sync.WaitGroup
		passes := [2]any{}
		for i, target := range []*Target{a, b} {
			wg.Go(func() {
				if p, err := target.Enter(context.Background(), tasks.LaneNormal, 100, newWoken().wake); err == nil {
					passes[i] = p
				}
			})
		}
		wg.Wait()
		switch {
		case passes[0] != nil && passes[1] != nil:
			t.Fatal("both may probe")
		case passes[0] != nil:
			found, other = passes[0], b
		case passes[1] != nil:
			found, other = passes[1], a
		}
		return found != nil
	})
	return found.(*pass), other
}

// TestAFailedProbeOpensAgain.
func TestAFailedProbeOpensAgain(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Second))
	target := b.Channel(outlet())
	call(t, target, errDown)
	until(t, "the probe", func() bool {
		p, err := target.Enter(t.Context(), tasks.LaneNormal, 1, newWoken().wake)
		if err != nil {
			return false
		}
		defer p.Leave()
		n, err := p.Take(1)
		return n == 1 && err == nil
	})
	probe, err := target.Begin(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := probe(errDown); !fault.Is(err, fault.Wait) || !errors.Is(err, errDown) {
		t.Errorf("a probe that failed uses an attempt: %v", err)
	}
	if got := state(t, b); got.State != channel.CircuitOpen {
		t.Errorf("%+v", got)
	}
	if err := target.shutNow(); fault.CodeOf(err) != channel.CodeCircuitOpen {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsNoFailureOfTheProvider: a refused recipient, a request for patience, and success end a row of failures. What
// never got to the provider ends none.
func TestWhatIsNoFailureOfTheProvider(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"sent": nil, "refused": fault.New(fault.GiveUp, "rejected", ""), "patience": fault.WaitFor(time.Millisecond, "rate_limited", nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := redistest.Client(t)
			one, two := process(t, client, "one"), process(t, client, "two")
			target := one.Channel(outlet())
			for range 4 {
				call(t, two.Channel(outlet()), errDown)
			}
			target.read(t.Context()) // as the watch does
			call(t, target, err)
			until(t, "the pause to end", func() bool { return target.shutNow() == nil })
			call(t, target, errDown)
			if got := state(t, one); got.State != channel.CircuitClosed || got.Failures != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestWhatNeverGotToTheProvider says nothing about it: it ends no row of failures, and as a probe it closes no circuit and
// lets the next go.
func TestWhatNeverGotToTheProvider(t *testing.T) {
	t.Parallel()
	busy := fault.WaitFor(time.Millisecond, channel.CodeBusy, nil)
	b := process(t, redistest.Client(t), "one", quickCircuit(2, time.Second))
	target := b.Channel(outlet())
	for _, err := range []error{errDown, busy, errDown} {
		call(t, target, err)
	}
	if got := state(t, b); got.State != channel.CircuitOpen {
		t.Errorf("after a failure on each side: %+v", got)
	}
	var probe delivery.Pass
	w := newWoken()
	until(t, "the probe", func() bool {
		p, err := target.Enter(t.Context(), tasks.LaneNormal, 10, w.wake)
		probe = p
		return err == nil
	})
	defer probe.Leave()
	for range 2 {
		if n, err := probe.Take(10); n != 1 || err != nil {
			t.Fatalf("the probe takes %d, %v", n, err)
		}
		call(t, target, busy)
		if len(w.ch) == 0 {
			t.Error("nobody is told that the probe is free again")
		}
		for len(w.ch) > 0 {
			<-w.ch
		}
	}
	if n, err := probe.Take(10); n != 1 || err != nil {
		t.Fatalf("the probe takes %d, %v", n, err)
	}
	if probe.Give(1); len(w.ch) == 0 || !probe.Ready() {
		t.Error("a probe that is given back is nobody's")
	}
	if got := state(t, b); got.State != channel.CircuitHalfOpen {
		t.Errorf("after a probe that was not made: %+v", got)
	}
}

// TestFlushedRedisClosesNothing: who knows that a circuit is open goes on knowing.
func TestFlushedRedisClosesNothing(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	short := quickCircuit(2, time.Minute)
	one, two := process(t, client, "one", short), process(t, client, "two", short)
	a, b := one.Channel(outlet()), two.Channel(outlet())
	for range 2 {
		call(t, a, fault.New(fault.Uncertain, "no_answer", ""))
	}
	b.read(t.Context())
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for _, target := range []*Target{a, b} {
		target.read(t.Context())
		if _, err := target.Enter(t.Context(), 0, 1, newWoken().wake); fault.CodeOf(err) != channel.CodeCircuitOpen {
			t.Errorf("got %v", err)
		}
	}
	// What was under way when the circuit opened says nothing new when it comes back.
	if fails := a.circuit.Load().own.Counts().ConsecutiveFailures; fails != 0 {
		t.Errorf("%d failures are counted", fails)
	}
}

// TestStandingStillIsNoFailure of the provider: a process that was suspended finds all its calls timed out.
func TestStandingStillIsNoFailure(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one", quickCircuit(5, time.Minute))
	target := b.Channel(outlet())
	var under []func(error) error
	for range 10 {
		done, err := target.Begin(0)
		if err != nil {
			t.Fatal(err)
		}
		under = append(under, done)
	}
	b.began = b.began.Add(-longestCall - time.Second) // as if that time had passed
	for _, done := range under {
		if err := done(errDown); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	}
	if got := state(t, b); got.State != channel.CircuitClosed || got.Failures != 0 {
		t.Errorf("the circuit is %+v", got)
	}
	call(t, target, nil)
}

// TestSuccessUnderWayClosesNothing: a call that began before the circuit opened comes back with a success just while it
// opens. That one has opened for all nevertheless.
func TestSuccessUnderWayClosesNothing(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	one, two := process(t, client, "one"), process(t, client, "two")
	a, b := one.Channel(outlet()), two.Channel(outlet())
	for range 4 {
		call(t, a, errDown)
	}
	begun := a.circuit.Load().openUntil.Load()
	fifth, err := a.circuit.Load().own.Allow()
	if err != nil {
		t.Fatal(err)
	}
	fifth(errDown)                     // opens here, and the others are not told yet
	a.succeed(a.circuit.Load(), begun) // ends the row that all count
	a.fail(a.circuit.Load())
	for name, target := range map[string]*Target{"one": a, "two": b} {
		target.read(t.Context())
		if _, err := target.Enter(t.Context(), 0, 1, newWoken().wake); fault.CodeOf(err) != channel.CodeCircuitOpen {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got := state(t, two); got.State != channel.CircuitOpen {
		t.Errorf("the circuit is %+v", got)
	}
}

// halfOpen has the probe of a circuit that is half-open, as one batch; next is another one.
func halfOpen(t *testing.T, target *Target, version int) (probe, next delivery.Pass) {
	t.Helper()
	callWith(t, target, version, errDown)
	enter := func() delivery.Pass {
		var p delivery.Pass
		until(t, "the probe", func() (done bool) {
			var err error
			p, err = target.Enter(t.Context(), tasks.LaneNormal, 10, newWoken().wake)
			return err == nil
		})
		return p
	}
	probe = enter()
	t.Cleanup(probe.Leave)
	next = enter() // before the first takes it
	t.Cleanup(next.Leave)
	wantTaken(t, probe, 1, "by the first")
	return probe, next
}

func wantTaken(t *testing.T, p delivery.Pass, want int, when string) {
	t.Helper()
	if n, err := p.Take(10); n != want || err != nil {
		t.Errorf("%s: takes %d, %v; want %d", when, n, err, want)
	}
}

// TestAProbeThatIsRefused by the process's own breaker is the next one's at once. One that is on its way stays what it is, whoever
// else is refused or gives something back meanwhile.
func TestAProbeThatIsRefused(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	b := process(t, client, "one", quickCircuit(1, time.Second))
	target := b.Channel(outlet())
	probe, next := halfOpen(t, target, 0)
	slow, err := target.Begin(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Begin(0); !fault.Is(err, fault.Wait) {
		t.Fatalf("beside the probe: %v", err)
	}
	wantTaken(t, next, 0, "after somebody else was refused")
	next.Give(3)
	wantTaken(t, next, 0, "after somebody else gave his own back")

	// The lease ends before the call does, here and in Redis.
	target.circuit.Load().probe.Store(probeNone)
	if err := client.HDel(t.Context(), circuitKeys(target.key, 0)[1], "probe").Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "the next probe", func() bool { return target.probes(t.Context()) })
	wantTaken(t, probe, 1, "anew")
	if _, err := target.Begin(0); !fault.Is(err, fault.Wait) {
		t.Fatalf("beside the first call: %v", err)
	}
	wantTaken(t, next, 1, "after the holder was refused")
	if err := slow(nil); err != nil {
		t.Error(err)
	}
	if got := state(t, b); got.State != channel.CircuitClosed {
		t.Errorf("after the first call: %+v", got)
	}
	wantTaken(t, next, 10, "closed")
}

// TestAProbeBesideOldSettings is not given back by whoever still works with those.
func TestAProbeBesideOldSettings(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Second))
	b.Channel(inVersion(1))
	target := b.Channel(inVersion(2))
	_, next := halfOpen(t, target, 2)
	done, err := target.Begin(2)
	if err != nil {
		t.Fatal(err)
	}
	callWith(t, target, 1, nil)
	wantTaken(t, next, 0, "while the probe is on its way")
	if err := done(nil); err != nil {
		t.Error(err)
	}
	wantTaken(t, next, 10, "closed")
}

// TestAProbeThatStoodStill says nothing, and the next one is made at once.
func TestAProbeThatStoodStill(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Second))
	target := b.Channel(outlet())
	_, next := halfOpen(t, target, 0)
	done, err := target.Begin(0)
	if err != nil {
		t.Fatal(err)
	}
	b.began = b.began.Add(-longestCall - time.Second) // as if that time had passed
	if err := done(errDown); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
	wantTaken(t, next, 1, "after it")
	call(t, target, nil)
	if got := state(t, b); got.State != channel.CircuitClosed {
		t.Errorf("after the second: %+v", got)
	}
}
