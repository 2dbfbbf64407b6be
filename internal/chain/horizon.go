package chain

import "time"

// Horizon is how far the log can be sealed once some transactions have ended.
type Horizon struct {
	// Last is the newest id that was given away.
	Last int64
	// Writers are the transactions that may yet add events with ids up to Last.
	Writers []string
}

// Backlog is what is not sealed yet.
type Backlog struct {
	// Events is how many there are at most: ids that were given away for nothing count.
	Events int64
	// Age is that of the oldest of them, 0 if there is none.
	Age time.Duration
}
