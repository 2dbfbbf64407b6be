package publication

import (
	"fmt"
	"testing"
	"time"

	"github.com/presswork/presswork/tasks"
)

func census(ranges ...int64) Census {
	c := Census{BatchSize: 200, Targets: map[string]int64{"slack": 3}, Off: map[string]int64{"slack": 1}}
	copy(c.Ranges[:], ranges)
	return c
}

func TestForesee(t *testing.T) {
	t.Parallel()
	mail, chat := Channel{Name: "email", ID: 1, Personal: true}, Channel{Name: "slack", ID: 3}
	at := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		priority Priority
		channels []Channel
		census   Census
		lane     tasks.Lane
		tasks    map[string]int64
		batches  int64
	}{
		"nobody":              {Normal, []Channel{mail}, census(), tasks.LaneCritical, map[string]int64{"render": 1}, 0},
		"a few, inline":       {Normal, []Channel{mail}, census(200, 100, 100, 1), tasks.LaneCritical, map[string]int64{"render": 1, "critical": 3}, 3},
		"more than inline":    {Normal, []Channel{mail}, census(501), tasks.LaneNormal, map[string]int64{"render": 1, "email": 3}, 3},
		"two pages":           {Normal, []Channel{mail}, census(1000, 1000, 1000, 1001), tasks.LaneNormal, map[string]int64{"render": 1, "personalize": 2, "email": 21}, 21},
		"many, in ranges":     {Normal, []Channel{mail}, census(2500, 2500, 2500, 2501), tasks.LaneBulk, map[string]int64{"render": 1, "personalize-bulk": 8, "email-bulk": 52}, 52},
		"many, urgent":        {High, []Channel{mail}, census(2500, 2500, 2500, 2501), tasks.LaneCritical, map[string]int64{"critical": 1 + 7 + 52}, 52},
		"places only":         {Bulk, []Channel{chat}, census(), tasks.LaneBulk, map[string]int64{"render-bulk": 1, "slack": 3}, 3},
		"a place and readers": {Normal, []Channel{chat, mail}, census(600), tasks.LaneNormal, map[string]int64{"render": 1, "slack": 3, "email": 3}, 3},
	} {
		s := Submission{Resolved: Resolved{Order: Order{Priority: c.priority, Channels: c.channels}, Lane: LaneOf(c.priority, -1)}}
		f := Foresee(s, c.census, nil)
		if f.Lane != c.lane || fmt.Sprint(f.Tasks) != fmt.Sprint(c.tasks) || f.Channels[0].Batches != c.batches || f.State != Queued {
			t.Errorf("%s: %+v", name, f)
		}
	}
	s := Submission{Resolved: Resolved{Order: Order{Channels: []Channel{chat}, ScheduledAt: &at}}}
	if f := Foresee(s, census(), nil); f.State != Scheduled || f.Channels[0].Recipients != 3 || f.Channels[0].Excluded["not_enabled"] != 1 {
		t.Errorf("%+v", f)
	}
	if s.Review = true; Foresee(s, census(), nil).State != Draft {
		t.Error("what waits for approval is no draft")
	}
}

func TestForeseenReasonsAndTime(t *testing.T) {
	t.Parallel()
	mail, letter := Channel{Name: "email", ID: 1, Personal: true}, Channel{Name: "newsletter", ID: 2, Personal: true}
	c := census(100)
	c.Suppressed, c.Left = map[string]int64{"suppressed_bounce": 4}, map[string]int64{"not_active": 7}
	s := Submission{Resolved: Resolved{Order: Order{Channels: []Channel{mail, letter}}}}
	ahead := map[tasks.Lane]float64{}
	took := func(rate int, rates map[string]float64) string {
		s.RatePerMinute = rate
		speeds := map[string]Speed{}
		for name, perSecond := range rates {
			speeds[name] = Speed{perSecond, ahead}
		}
		if f := Foresee(s, c, speeds); f.Took != nil {
			return f.Took.String()
		}
		return "unknown"
	}
	if f := Foresee(s, c, nil).Channels[1]; f.Recipients != 100 || f.Eligible != 96 || len(f.Excluded) != 2 || f.Excluded["not_active"] != 7 {
		t.Errorf("%+v", f)
	}
	for want, got := range map[string]string{
		"50s":     took(0, map[string]float64{"email": 10, "newsletter": 2}), // both at once: the slower one
		"unknown": took(0, map[string]float64{"email": 10}),
		"1m40s":   took(60, nil), // its own rate is a bound, and all that is known
		"10s":     took(6000, map[string]float64{"email": 10, "newsletter": 10}),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := took(0, map[string]float64{"email": 0, "newsletter": 1e-9}); got != "unknown" {
		t.Errorf("a stopped provider: %s", got)
	}
	// What is owed already goes first, as far as it is as urgent.
	ahead[tasks.LaneCritical], ahead[tasks.LaneBulk] = 400, 1000
	if got := took(0, map[string]float64{"email": 10, "newsletter": 10}); got != "50s" {
		t.Errorf("behind 400 others: %s", got)
	}
	if got := took(60, map[string]float64{"email": 10, "newsletter": 10}); got != "2m20s" {
		t.Errorf("behind 400 others, at a rate of its own: %s", got)
	}
}
