package delivery

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However outcomes come in, a replay keeps to its rate and its canary, never has more under way than it may, and ends.
func TestReplayRuns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		matched := rapid.Int64Range(0, 3000).Draw(t, "matched")
		r := Replay{State: ReplayRunning, Matched: matched, ReplayOrder: ReplayOrder{
			Canary: rapid.IntRange(0, 50).Draw(t, "canary"), Rate: rapid.Float64Range(0.5, 5000).Draw(t, "rate"),
			MaxFailing: rapid.Float64Range(0, 1).Draw(t, "max failing")}}
		if r.Canary > 0 {
			r.State = ReplayCanary
		}
		seconds := 0.0
		for step := 0; !r.State.Final(); step++ {
			if step > 20_000 {
				t.Fatalf("it does not end: %+v", r)
			}
			settleSome(t, &r)
			before := r.State
			r.Judge(false)
			if before == ReplayCanary && r.State == ReplayRunning && r.Settled() < int64(r.Canary) {
				t.Fatalf("the canary was not awaited: %+v", r)
			}
			n := r.Take(500 * time.Millisecond)
			seconds += 0.5
			took := min(int64(n), matched-r.Reopened)
			r.Reopened += took
			r.Allowance -= float64(took)
			if r.State == ReplayCanary && r.Reopened > int64(r.Canary) || r.Waiting() > max(replayWaiting, int64(r.Rate)) ||
				float64(r.Reopened) > r.Rate*seconds+1 {
				t.Fatalf("too many after %v seconds: %+v", seconds, r)
			}
			r.Judge(n > 0 && took < int64(n))
		}
		if r.State == ReplayStopped && r.Failing() <= r.MaxFailing && r.Failed+r.Uncertain <= int64(r.MaxFailing*float64(r.Canary)) {
			t.Fatalf("stopped without a reason: %+v", r)
		}
		if r.State == ReplayCompleted && (r.Reopened != matched || r.Waiting() != 0) {
			t.Fatalf("completed too early: %+v", r)
		}
	})
}

// settleSome settles all or some of those under way.
func settleSome(t *rapid.T, r *Replay) {
	n := r.Waiting()
	if n > 0 && rapid.Bool().Draw(t, "part") {
		n = rapid.Int64Range(1, n).Draw(t, "settled")
	}
	switch rapid.IntRange(0, 3).Draw(t, "as") {
	case 0:
		r.Failed += n
	case 1:
		r.Uncertain += n
	case 2:
		r.Skipped += n
	default:
		r.Sent += n
	}
}

func TestFates(t *testing.T) {
	t.Parallel()
	var f Fates
	f.Add(Changed, Changed, Unchanged, Refused, Busy, TooSoon, Busy)
	if f != (Fates{Changed: 2, Unchanged: 1, Refused: 1, Busy: 2, TooSoon: 1}) {
		t.Errorf("%+v", f)
	}
}
