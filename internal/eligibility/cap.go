package eligibility

import (
	"slices"
	"time"
)

// Cap is how many messages a reader gets in a time at most, of one topic or of all.
type Cap struct {
	// Topic is the number of a topic, and Slug what it is named by; 0 and "": of everything.
	Topic int32
	Slug  string
	// Limit is how many, in any Window.
	Limit  int
	Window time.Duration
}

// Covers reports whether a message for some topics counts. One for everybody is of no topic in particular.
func (c Cap) Covers(topics []int32) bool { return c.Topic == 0 || slices.Contains(topics, c.Topic) }

// Until is when one more message may go, now or later. times are when the others went that the cap covers, in any order;
// those that are yet to go count as of now.
func (c Cap) Until(times []time.Time, now time.Time) time.Time {
	since := now.Add(-c.Window)
	times = slices.DeleteFunc(slices.Clone(times), func(at time.Time) bool { return !at.After(since) })
	if len(times) < c.Limit {
		return now
	}
	slices.SortFunc(times, time.Time.Compare)
	return times[len(times)-c.Limit].Add(c.Window)
}
