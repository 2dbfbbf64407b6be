// Package capacity says how many workers a pool of queues needs: from what is owed, from how long a worker was measured
// to take for it, and from what the providers and the database let through. It is arithmetic, with ports to what it
// reads; docs/scaling.md is the contract with those who start and stop workers by it.
package capacity

import (
	"slices"
	"time"
)

// Pool is a named set of queues that are served by workers of their own.
type Pool struct {
	Name   string
	Queues []string
	// Min and Max bound the replicas that are asked for.
	Min, Max int
}

// Settings are what an operator wants.
type Settings struct {
	Pools []Pool
	// Objective is how long what is owed now should take. What is due within that time counts as owed.
	Objective time.Duration
	// Stable is how long fewer workers must have been enough before fewer are asked for.
	Stable time.Duration
	// DatabasePool is how many connections to PostgreSQL a worker may open, where none is running that could say.
	DatabasePool int
	// DatabaseConnections is how many connections all of Presswork may open; 0: what the server has.
	DatabaseConnections int
}

// State is what work waits for.
type State int

// The states of work.
const (
	Ready      State = iota // may be done now
	Running                 // in the hands of a worker
	Unexpanded              // recipients of whom no row exists yet: estimated
	Soon                    // scheduled, and due within the objective
	Retrying                // put off by a failure or a provider, and due within the objective
	Later                   // put off for longer
	Paused                  // held back by an operator or a client
	states
)

// The kinds of work that are not sending. A kind of sending is that of its channel.
const (
	Render    = "render"
	Expand    = "personalize"
	Aggregate = "aggregate"
)

// Work is what is owed of a kind in a queue, in one state. A unit is a recipient where something is sent, else a task.
type Work struct {
	Queue, Kind string
	State       State
	Units       float64
	// Age is how long the oldest of it has been due.
	Age time.Duration
}

// Cost is what a unit of a kind took, lately.
type Cost struct {
	// Seconds is how long one unit takes: a call to the provider with its rendering, or a task.
	Seconds float64
	// Share is Seconds as a share of a worker that does nothing else: divided by how many it does at once.
	Share float64
	// Worker is how many seconds of a whole worker a unit takes, as far as that is known: Share, or more if the worker
	// is busy with other things than waiting for the provider.
	Worker float64
}

// Worker is a process that takes tasks, as it last said of itself.
type Worker struct {
	Queues []string
	// Draining ones take no new task.
	Draining bool
	// Busy is the part of it that was in use, 0 to 1.
	Busy float64
	// PerSecond is how many units it did.
	PerSecond float64
	// DatabasePool is how many connections to PostgreSQL it may open, DatabaseOpen how many it had.
	DatabasePool, DatabaseOpen int
}

// serves says whether the worker takes tasks of every queue of the pool.
func (w Worker) serves(p Pool) bool {
	for _, name := range p.Queues {
		if !slices.Contains(w.Queues, name) {
			return false
		}
	}
	return true
}

// Load is everything that a plan is made of, at one moment.
type Load struct {
	At      time.Time
	Work    []Work
	Costs   map[string]Cost
	Workers []Worker // those that live
	// Connections is how many the database has for everybody, InUse how many are open.
	Connections, InUse int
	// Rates is how many messages a second the providers of a kind of channel take; absent: no limit is known.
	Rates map[string]float64
	// Tasks is what is in the queue by name; nil if the queue could not be asked.
	Tasks map[string]Tasks
	// promised is how many workers the plan has let other pools start.
	promised int
}

// Tasks is how full a queue is.
type Tasks struct {
	Pending   int `json:"pending"`
	Active    int `json:"active"`
	Scheduled int `json:"scheduled"`
	Retry     int `json:"retry"`
}
