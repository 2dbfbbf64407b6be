package delivery

import (
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// ReplayState is how far a replay is.
type ReplayState string

// The states. The last three are final.
const (
	// ReplayCanary: a few are replayed first, and their outcome awaited.
	ReplayCanary ReplayState = "canary"
	// ReplayRunning: the rest is, at its rate.
	ReplayRunning ReplayState = "running"
	// ReplaySettling: all are owed again; the last outcomes are awaited.
	ReplaySettling ReplayState = "settling"
	// ReplayCompleted: every outcome is known.
	ReplayCompleted ReplayState = "completed"
	// ReplayStopped: too many failed again. What was made owed again goes on.
	ReplayStopped ReplayState = "stopped"
	// ReplayCancelled: an operator stopped it.
	ReplayCancelled ReplayState = "cancelled"
)

// Final reports a state that nothing leaves.
func (s ReplayState) Final() bool {
	return s == ReplayCompleted || s == ReplayStopped || s == ReplayCancelled
}

// Bounds of a replay.
const (
	DefaultReplayRate    = 100.0
	MaxReplayRate        = 10_000.0
	DefaultReplayFailing = 0.5
	MaxReplayCanary      = 1000
	// replaySample is how many outcomes say something about the rest.
	replaySample = 20
	// replayPage bounds what one step makes owed again, replayWaiting how many outcomes may be awaited at once: what is
	// replayed faster than it can be sent would only look like progress. Faster replays wait for a second's worth.
	replayPage    = 500
	replayWaiting = 1000
)

// ReplayOrder is what an operator asks for.
type ReplayOrder struct {
	Filter DeadFilter
	// Canary is how many are replayed first; 0: none are.
	Canary int
	// Rate is recipients a second.
	Rate float64
	// MaxFailing stops the replay when more than this share of the settled ones is failed or uncertain again.
	MaxFailing float64
}

// Replay is a job that makes dead letters owed again.
type Replay struct {
	ID  int64
	UID ident.UID
	ReplayOrder
	State ReplayState
	// Matched is how many the filter chose when it was asked for; Reopened how many were made owed again; Refused how
	// many could not be. The rest is what became of the reopened.
	Matched, Reopened, Refused       int64
	Sent, Failed, Uncertain, Skipped int64
	CreatedBy                        string
	CreatedAt, SteppedAt             time.Time
	EndedAt                          *time.Time
	// Note says why it stopped.
	Note string

	// Cursor is the last dead letter looked at, Until the last one that belongs to it.
	Cursor, Until int64
	// Allowance is how many may be made owed again now, by the rate.
	Allowance float64
}

// Settled is how many of the reopened have a fate.
func (r *Replay) Settled() int64 { return r.Sent + r.Failed + r.Uncertain + r.Skipped }

// Waiting is how many of the reopened have none yet.
func (r *Replay) Waiting() int64 { return max(0, r.Reopened-r.Settled()) }

// Failing is the share of the settled that did not get through.
func (r *Replay) Failing() float64 {
	if r.Settled() == 0 {
		return 0
	}
	return float64(r.Failed+r.Uncertain) / float64(r.Settled())
}

// Judge moves the replay on by what its counters say. exhausted: there is nothing left to make owed again.
func (r *Replay) Judge(exhausted bool) {
	bad := r.Failed + r.Uncertain
	settled := r.Waiting() == 0
	switch {
	case r.State.Final():
	case r.State == ReplayCanary && float64(bad) > r.MaxFailing*float64(max(1, min(int64(r.Canary), r.Matched))):
		r.stop()
	case r.State != ReplayCanary && r.Settled() >= replaySample && r.Failing() > r.MaxFailing:
		r.stop()
	case r.State == ReplayCanary && exhausted, r.State == ReplayRunning && exhausted:
		r.State = ReplaySettling
		r.Judge(exhausted)
	case r.State == ReplayCanary && r.Reopened >= int64(r.Canary) && settled:
		r.State = ReplayRunning
	case r.State == ReplaySettling && settled:
		r.State = ReplayCompleted
	}
}

func (r *Replay) stop() {
	r.State = ReplayStopped
	r.Note = fmt.Sprintf("%d of %d that are settled did not get through", r.Failed+r.Uncertain, r.Settled())
}

// Take is how many may be made owed again now, so long after the last step.
func (r *Replay) Take(elapsed time.Duration) int {
	if r.State != ReplayCanary && r.State != ReplayRunning {
		return 0
	}
	r.Allowance = min(r.Allowance+r.Rate*max(0, elapsed.Seconds()), max(1, r.Rate))
	n := min(int64(r.Allowance), replayPage, max(replayWaiting, int64(r.Rate))-r.Waiting())
	if r.State == ReplayCanary {
		n = min(n, int64(r.Canary)-r.Reopened)
	}
	return int(max(0, n))
}
