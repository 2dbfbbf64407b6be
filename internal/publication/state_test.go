package publication

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// However a publication wanders, it can still be ended, and what ended it stays, but for a replay.
func TestRandomWalks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := rapid.SampledFrom([]State{Draft, Scheduled, Queued}).Draw(t, "start")
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			next := rapid.SampledFrom(States()).Draw(t, "next")
			err := Check(state, next)
			if (err == nil) != May(state, next) {
				t.Fatalf("Check and May disagree on %s to %s", state, next)
			}
			if err != nil {
				if !fault.Is(err, fault.Conflict) {
					t.Fatalf("%v is no conflict", err)
				}
				continue
			}
			if state.Final() && (next != Sending || !state.Reopens()) {
				t.Fatalf("%s is final and became %s", state, next)
			}
			state = next
		}
		if !state.Final() && !ends(state) {
			t.Fatalf("nothing ends %s", state)
		}
	})
}

// ends reports whether a final state can be reached.
func ends(from State) bool {
	seen := map[State]bool{}
	var walk func(State) bool
	walk = func(s State) bool {
		if s.Final() {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		for _, next := range transitions[s] {
			if walk(next) {
				return true
			}
		}
		return false
	}
	return walk(from)
}

func TestEveryStateIsKnownAndReachable(t *testing.T) {
	t.Parallel()
	reached := map[State]bool{Draft: true, Scheduled: true, Queued: true}
	for _, from := range States() {
		if _, ok := transitions[from]; !ok {
			t.Errorf("%s has no transitions", from)
		}
		for _, to := range transitions[from] {
			reached[to] = true
			if _, ok := transitions[to]; !ok {
				t.Errorf("%s leads to unknown %s", from, to)
			}
		}
	}
	if len(reached) != len(States()) || len(transitions) != len(States()) {
		t.Errorf("%d states, %d reached, %d with transitions", len(States()), len(reached), len(transitions))
	}
	if State("nonsense").Final() || May("nonsense", Draft) {
		t.Error("an unknown state is taken")
	}
}

func TestLanes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		priority Priority
		size     int
		want     tasks.Lane
	}{
		{Critical, 1_000_000, tasks.LaneCritical}, {High, -1, tasks.LaneCritical},
		{Bulk, 1, tasks.LaneBulk}, {Normal, -1, tasks.LaneNormal},
		{Normal, 0, tasks.LaneCritical}, {Normal, SmallAudience, tasks.LaneCritical}, {Normal, SmallAudience + 1, tasks.LaneNormal},
		{Normal, LargeAudience - 1, tasks.LaneNormal}, {Normal, LargeAudience, tasks.LaneBulk},
	} {
		if got := LaneOf(c.priority, c.size); got != c.want {
			t.Errorf("%s of %d: %s, want %s", c.priority, c.size, got, c.want)
		}
	}
}

func TestReopens(t *testing.T) {
	t.Parallel()
	reopens := map[State]bool{Sending: true, Pausing: true, Paused: true, Completed: true, CompletedWithFailures: true}
	for _, s := range States() {
		if s.Reopens() != reopens[s] {
			t.Errorf("%s: %t", s, s.Reopens())
		}
	}
}
