package delivery

import "time"

// Pause is something an operator paused: everything, a channel kind, or a queue.
type Pause struct {
	// Scope is "all", "channel:slack" or "queue:email-bulk".
	Scope string
	By    string
	At    time.Time
	// Covers is what it holds back.
	Covers []ChannelLane
}

// ChannelLane is the batches of a channel kind in a lane.
type ChannelLane struct{ Channel, Lane int16 }
