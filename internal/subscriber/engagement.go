package subscriber

import "time"

// Engagement is what a reader did with what they were sent, in publications. Days are in UTC; nil: never.
type Engagement struct {
	Sent, Opened, Clicked                    int64
	FirstSentOn, SentOn, OpenedOn, ClickedOn *time.Time
}
