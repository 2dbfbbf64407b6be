package capacity

import (
	"math"
	"slices"
	"time"
)

// What limits a pool.
const (
	ByNothing  = "nothing"  // what is owed is done within the objective, by the workers that are there
	ByWorkers  = "workers"  // more workers would help, and are asked for as far as the pool's bounds let
	ByProvider = "provider" // the providers take no more than that
	ByDatabase = "database" // more workers would help, and there are no connections for them
	ByPause    = "paused"   // all that is owed is paused
)

// Status is the contract: how a pool is, and how many workers it should have. Numbers of work are recipients where
// something is sent, else tasks.
type Status struct {
	Pool   string    `json:"pool"`
	At     time.Time `json:"at"`
	Queues []string  `json:"queues"`

	// What is owed: to be done now, in hand, not yet expanded (an estimate), due within the objective by its schedule or
	// after a failure; and what does not ask for workers: put off for longer, paused.
	Ready         int64 `json:"ready"`
	Running       int64 `json:"running"`
	Unexpanded    int64 `json:"unexpanded"`
	ScheduledSoon int64 `json:"scheduled_soon"`
	Retrying      int64 `json:"retrying"`
	Later         int64 `json:"later"`
	Paused        int64 `json:"paused"`
	// Tasks is what the queue holds; null while it cannot be asked. It is not the record: what is owed is.
	Tasks *Tasks `json:"tasks"`

	// OldestAge is how long the oldest of what is owed has been due.
	OldestAge float64 `json:"oldest_age_seconds"`
	// ServiceTime is how long a unit takes, on average over what is owed.
	ServiceTime float64 `json:"service_time_seconds"`
	// Throughput is how many units a second the pool's workers do.
	Throughput float64 `json:"throughput_per_second"`
	// Backlog is how long what is owed takes the workers that are there (one, if there is none).
	Backlog float64 `json:"backlog_seconds"`
	// Objective is how long it should take.
	Objective float64 `json:"objective_seconds"`

	// Replicas are the workers that serve all of the pool's queues, without those that drain.
	Replicas int `json:"replicas"`
	Draining int `json:"draining"`
	// Wanted is how many would do just now; Desired is what to scale to: it falls only after Wanted was lower for a
	// while.
	Wanted  int `json:"wanted_replicas"`
	Desired int `json:"desired_replicas"`
	Min     int `json:"min_replicas"`
	Max     int `json:"max_replicas"`
	// LimitedBy is one of workers, provider, database, paused, nothing.
	LimitedBy string `json:"limited_by"`
}

// assess says how the pool is and what would do just now; settle decides.
func (l Load) assess(p Pool, s Settings) Status {
	n, c := l.need(p, s.Objective), l.crew(p)
	st := Status{
		Pool: p.Name, At: l.At, Queues: p.Queues, Tasks: l.tasks(p), Objective: s.Objective.Seconds(),
		Replicas: c.live, Draining: c.draining, Throughput: c.throughput, Min: p.Min, Max: p.Max,
		Backlog: max(n.work/float64(max(c.live, 1)), n.provider),
	}
	l.count(p, &st)
	for kind, units := range n.units {
		if n.owed > 0 {
			st.ServiceTime += l.cost(kind).Seconds * units / n.owed
		}
	}
	wanted := n.wanted(p, c)
	st.Wanted = min(wanted, p.Max, max(l.affordable(p, c.live, s), p.Min))
	st.LimitedBy = st.limit(n, wanted)
	return st
}

// limit says what keeps the owed from being done sooner.
func (s *Status) limit(n need, wanted int) string {
	switch {
	case n.owed == 0 && n.paused > 0:
		return ByPause
	case n.owed == 0:
		return ByNothing
	case n.provider > s.Objective && n.provider >= n.work/float64(max(s.Wanted, 1)):
		return ByProvider
	case s.Wanted < min(wanted, s.Max):
		return ByDatabase
	case wanted > s.Max, s.Wanted > s.Replicas:
		return ByWorkers
	default:
		return ByNothing
	}
}

// count sums up the work.
func (l Load) count(p Pool, st *Status) {
	var sums [states]float64
	for _, w := range l.Work {
		if !slices.Contains(p.Queues, w.Queue) {
			continue
		}
		sums[w.State] += w.Units
		if w.State < Later && w.State != Soon && w.Units > 0 {
			st.OldestAge = max(st.OldestAge, w.Age.Seconds())
		}
	}
	for state, into := range map[State]*int64{Ready: &st.Ready, Running: &st.Running, Unexpanded: &st.Unexpanded,
		Soon: &st.ScheduledSoon, Retrying: &st.Retrying, Later: &st.Later, Paused: &st.Paused} {
		*into = int64(math.Ceil(sums[state]))
	}
}

func (l Load) tasks(p Pool) *Tasks {
	if l.Tasks == nil {
		return nil
	}
	var sum Tasks
	for _, name := range p.Queues {
		t := l.Tasks[name]
		sum.Pending += t.Pending
		sum.Active += t.Active
		sum.Scheduled += t.Scheduled
		sum.Retry += t.Retry
	}
	return &sum
}

// settle decides how many to scale to: the most that was wanted within the time that counts as stable, as far as the
// bounds of now let.
func (s *Status) settle(most int, affordable int) {
	s.Desired = max(min(max(most, s.Wanted), s.Max, max(affordable, s.Min)), s.Wanted)
}
