package channel

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// The settings that a channel of any provider takes, beside the provider's own.
const (
	settingRate     = "rate"
	settingFallback = "fallback"
	settingWarmup   = "warmup_start"
	settingPlan     = "warmup_plan"
)

// Rate is how fast a provider takes messages.
type Rate struct {
	// PerSecond is messages a second in the long run; 0: not known, so not limited until the provider complains.
	PerSecond float64
	// Burst is how many may go at once after a rest; 0: those of one second.
	Burst float64
}

// Limits are what a channel's settings say about how much it may send, and what stands in for it.
type Limits struct {
	// PerSecond is the setting rate, 0 if it is not given.
	PerSecond float64
	// Fallback is the name of the channel that is used while this one's circuit is open; empty: none.
	Fallback string
	warmup   time.Time
	plan     []int
}

// defaultPlan of a warm-up: the most messages on each day, doubling from what a receiver takes from somebody it never
// heard of. After its last day there is no limit. Providers advise much the same: Amazon SES warms up dedicated
// addresses over some 45 days at most, and the large ones ask for no more than a doubling a day.
// https://docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html
func defaultPlan() []int {
	return []int{50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 102_400, 204_800, 409_600}
}

// commonSettings are those of a channel of any provider.
func commonSettings(kinds []Kind) []Setting {
	list := []Setting{
		{Name: settingRate, Doc: "Most messages a second, of all processes together: 14, 0.5.",
			Valid: func(v string) error { _, err := parseRate(v); return err }},
		{Name: settingFallback, Doc: "Name of another channel of this kind, used while this one's circuit breaker is open."},
		uncertainSetting(),
	}
	for _, kind := range kinds {
		if kind.Personal() {
			return append(list,
				Setting{Name: settingWarmup, Doc: "First day of a new domain's or address's warm-up (UTC): 2030-01-31.",
					Valid: func(v string) error { _, err := parseDay(v); return err }},
				Setting{Name: settingPlan, Doc: "Most messages on each day of the warm-up: 50,100,200; doubling from 50 for 14 days if not given.",
					Valid: func(v string) error { _, err := parsePlan(v); return err }})
		}
	}
	return list
}

// Limits reads the channel's own; what cannot be read counts as not given, since Check lets nothing such be stored.
func (c Channel) Limits() Limits {
	l := Limits{Fallback: c.Settings[settingFallback]}
	l.PerSecond, _ = parseRate(c.Settings[settingRate])
	start, err := parseDay(c.Settings[settingWarmup])
	if err != nil {
		return l
	}
	l.warmup, l.plan = start, defaultPlan()
	if plan, err := parsePlan(c.Settings[settingPlan]); err == nil {
		l.plan = plan
	}
	return l
}

// PerDay is the most messages on the day (UTC) that now belongs to; 0: as many as one likes. Before a warm-up begins,
// its first day's number holds.
func (l Limits) PerDay(now time.Time) int {
	if len(l.plan) == 0 {
		return 0
	}
	day := max(int(now.UTC().Sub(l.warmup)/(24*time.Hour)), 0)
	if day >= len(l.plan) {
		return 0
	}
	return l.plan[day]
}

func parseRate(value string) (float64, error) {
	rate, err := strconv.ParseFloat(value, 64)
	if err != nil || !(rate >= 0.01 && rate <= 1e6) {
		return 0, errors.New("must be a number of messages a second, 0.01 to 1000000")
	}
	return rate, nil
}

func parseDay(value string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, value)
	if err != nil {
		return day, errors.New("must be a day such as 2030-01-31")
	}
	return day, nil
}

func parsePlan(value string) ([]int, error) {
	var plan []int
	for part := range strings.SplitSeq(value, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, errors.New("must be numbers of at least 1 with commas between them")
		}
		plan = append(plan, n)
	}
	return plan, nil
}

// CheckFallback is nil if the channel's fallback, if it names one, is another of the same kind among all channels, and
// nothing stands in for itself in the end; else an Invalid error. others may hold the channel in an older form.
func CheckFallback(c Channel, others []Channel) error {
	byName := map[string]Channel{}
	for _, o := range others {
		if o.ID != c.ID || c.ID == 0 {
			byName[o.Name] = o
		}
	}
	byName[c.Name] = c
	var f fault.Fields
	const pointer = "/settings/" + settingFallback
	seen := map[string]bool{c.Name: true}
	for at := c; at.Limits().Fallback != ""; {
		name := at.Limits().Fallback
		next, ok := byName[name]
		switch {
		case at.Name == c.Name && !ok:
			f.Add(pointer, "unknown_channel", "is not the name of a channel")
			return f.Err()
		case !ok:
			return nil // a fallback of another is gone: that one has none
		case next.Kind != c.Kind:
			f.Add(pointer, "wrong_kind", "must be of kind %s", c.Kind)
			return f.Err()
		case seen[name]:
			f.Add(pointer, "cycle", "%s", fmt.Sprintf("leads back to %s", name))
			return f.Err()
		}
		seen[name], at = true, next
	}
	return nil
}
