package budget

import (
	"errors"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// inVersion is the channel of outlet with settings of a version.
func inVersion(version int, settings ...string) channel.Channel {
	c := outlet(settings...)
	c.Version = version
	return c
}

// callWith is call with settings of a version.
func callWith(t *testing.T, target *Target, version int, err error) {
	t.Helper()
	done, begun := target.Begin(version)
	if begun != nil {
		t.Fatalf("not begun: %v", begun)
	}
	if got := done(err); !errors.Is(got, err) {
		t.Errorf("%v became %v", err, got)
	}
}

// TestAChangedChannelStartsClosed, whatever its circuit was, and another process that still has the old settings opens
// only its own. What the provider takes is the same for both.
func TestAChangedChannelStartsClosed(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	one, stale := process(t, client, "one", quickCircuit(3, time.Minute)), process(t, client, "stale", quickCircuit(3, time.Minute))
	old, behind := one.Channel(inVersion(4, "rate", "10")), stale.Channel(inVersion(4, "rate", "10"))
	for range 3 {
		callWith(t, old, 4, errDown)
	}
	enter := func(target *Target) error {
		p, err := target.Enter(t.Context(), tasks.LaneNormal, 1, func(int) {})
		if err == nil {
			p.Leave()
		}
		return err
	}
	if err := enter(behind); fault.CodeOf(err) != channel.CodeCircuitOpen {
		t.Errorf("the same settings elsewhere: %v", err)
	}

	changed := one.Channel(inVersion(5, "rate", "10"))
	if changed != old {
		t.Error("rates and tokens are another target's")
	}
	if err := enter(changed); err != nil {
		t.Errorf("changed: %v", err)
	}
	if err := enter(behind); fault.CodeOf(err) != channel.CodeCircuitOpen {
		t.Errorf("who has not heard of the change: %v", err)
	}
	// Two failures of the new settings, and as many as one likes of the old ones: those count for nobody, here or there.
	callWith(t, changed, 5, errDown)
	for range 3 {
		callWith(t, changed, 4, errDown)
	}
	callWith(t, changed, 5, errDown)
	if c, err := stale.Circuit(t.Context(), 7, 5); err != nil || c.State != channel.CircuitClosed || c.Failures != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := stale.Circuit(t.Context(), 7, 4); err != nil || c.State != channel.CircuitOpen {
		t.Errorf("of the old settings: %+v, %v", c, err)
	}
	// A batch that began before the change asks again for its target, and turns nothing back.
	if again := one.Channel(inVersion(4, "rate", "99")); again.circuit.Load().version != 5 || again.spec.Load().rate.PerSecond != 10 {
		t.Errorf("back at version %d, %v a second", again.circuit.Load().version, again.spec.Load().rate.PerSecond)
	}
	callWith(t, changed, 5, errDown)
	if err := enter(changed); fault.CodeOf(err) != channel.CodeCircuitOpen {
		t.Errorf("after three failures: %v", err)
	}
	if caught := stale.Channel(inVersion(5, "rate", "10")); fault.CodeOf(enter(caught)) != channel.CodeCircuitOpen {
		t.Error("who hears of the change does not hear of its failures")
	}
}

// TestACallUnderWayWhenTheChannelChanges counts for nobody, but a request for patience does: it is the provider's.
func TestACallUnderWayWhenTheChannelChanges(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Minute))
	target := b.Channel(inVersion(1))
	begin := func() func(error) error {
		done, err := target.Begin(1)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	fails, waits := begin(), begin()
	b.Channel(inVersion(2))
	if err := fails(errDown); !errors.Is(err, errDown) || fault.Is(err, fault.Wait) {
		t.Errorf("got %v", err)
	}
	for version := 1; version <= 2; version++ {
		if c, err := b.Circuit(t.Context(), 7, version); err != nil || c.State != channel.CircuitClosed || c.Failures != 0 {
			t.Errorf("version %d: %+v, %v", version, c, err)
		}
	}
	patience := fault.WaitFor(time.Hour, "rate_limited", nil)
	if err := waits(patience); !errors.Is(err, patience) {
		t.Errorf("got %v", err)
	}
	if _, err := target.Begin(2); !fault.Is(err, fault.Wait) {
		t.Errorf("nobody waits: %v", err)
	}
}

// TestAFailedProbe uses nobody's attempt, but that of a webhook, which has days for its attempts: else whoever probed
// would come back each minute for as long as the receiver is down.
func TestAFailedProbe(t *testing.T) {
	t.Parallel()
	for kind, wants := range map[channel.Kind]fault.Kind{channel.Email: fault.Wait, channel.Webhook: fault.Retry} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Second))
			c := outlet()
			c.Kind = kind
			target := b.Channel(c)
			call(t, target, errDown)
			until(t, "the probe", func() bool {
				_, err := target.Enter(t.Context(), tasks.LaneNormal, 1, func(int) {})
				return err == nil
			})
			done, err := target.Begin(0)
			if err != nil {
				t.Fatal(err)
			}
			if err := done(errDown); !fault.Is(err, wants) {
				t.Errorf("got %v", err)
			}
		})
	}
}
