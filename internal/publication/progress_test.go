package publication

import (
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	start := now
	ended := start.Add(20 * time.Second)
	counts := []Counts{
		{Channel: 1, Sent: 60, Failed: 20, Skipped: 10, Uncertain: 10, Sending: 40, Pending: 10}, {Channel: 3, Sent: 0, Pending: 50},
	}
	for name, c := range map[string]struct {
		p    Progress
		rate float64
		left time.Duration // -1: not known
	}{
		"not started":         {Progress{State: Queued, Now: start}, 0, -1},
		"sending":             {Progress{State: Sending, FanoutDone: true, Channels: counts, StartedAt: &start, Now: start.Add(10 * time.Second)}, 10, 10 * time.Second},
		"still expanding":     {Progress{State: Sending, Channels: counts, StartedAt: &start, Now: start.Add(10 * time.Second)}, 10, -1},
		"paused":              {Progress{State: Paused, FanoutDone: true, Channels: counts, StartedAt: &start, Now: start.Add(10 * time.Second)}, 10, -1},
		"ended":               {Progress{State: Completed, FanoutDone: true, Channels: counts, StartedAt: &start, Ended: &ended, Now: start.Add(time.Hour)}, 5, -1},
		"in the first second": {Progress{State: Sending, FanoutDone: true, Channels: counts, StartedAt: &start, Now: start}, 100, time.Second},
		"nothing yet":         {Progress{State: Sending, FanoutDone: true, Channels: counts[1:], StartedAt: &start, Now: start}, 0, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left, known := c.p.Remaining()
			if c.p.Rate() != c.rate || known != (c.left >= 0) || known && left != c.left {
				t.Errorf("rate %v, remaining %v, %v", c.p.Rate(), left, known)
			}
		})
	}
	if all := (Progress{Channels: counts}).All(); all.Total() != 200 || all.Settled() != 100 || all.Sending != 40 || all.Pending != 60 {
		t.Errorf("%+v", all)
	}
}

func TestAcceptedState(t *testing.T) {
	t.Parallel()
	if got := (Accepted{}).State(); got != Queued {
		t.Errorf("%s", got)
	}
	if got := (Accepted{ScheduledAt: &now}).State(); got != Scheduled {
		t.Errorf("%s", got)
	}
}
