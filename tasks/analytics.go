package tasks

import (
	"fmt"
	"time"
)

// AggregateAnalytics folds new events into the counters. It may be repeated: each event is counted once.
type AggregateAnalytics struct {
	Version int `json:"v"`
	// Tick is the Unix time, in seconds, of the poll that asked for it: several schedulers asking at
	// once ask for the same task.
	Tick int64 `json:"tick"`
}

// NewAggregateAnalytics makes the payload.
func NewAggregateAnalytics(tick time.Time) AggregateAnalytics {
	return AggregateAnalytics{Version: Version, Tick: tick.Unix()}
}

// Kind is "aggregate-analytics".
func (AggregateAnalytics) Kind() Kind { return KindAggregateAnalytics }

// ID is "a:<tick>".
func (t AggregateAnalytics) ID() string { return fmt.Sprintf("a:%d", t.Tick) }

// Queue is analytics in every lane.
func (AggregateAnalytics) Queue(Lane) string { return QueueAnalytics }

// AggregateTimeout bounds one aggregation.
const AggregateTimeout = time.Minute
