package subscriber_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/subscriber"
)

// TestPreferencesChange: what is left out gets its default, a pause that is over is none, and names are those of what changed.
func TestPreferencesChange(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC)
	before := subscriber.Preferences{Language: "en", Timezone: "UTC", Topics: []string{"go"}}
	past, soon := now.Add(-time.Hour), now.Add(time.Hour+time.Millisecond)
	for name, c := range map[string]struct {
		in      subscriber.PreferencesInput
		fields  string
		tighter bool
	}{
		"nothing":          {subscriber.PreferencesInput{Topics: []string{"go"}}, "", false},
		"a pause of old":   {subscriber.PreferencesInput{Topics: []string{"go"}, PausedUntil: &past}, "", false},
		"a pause":          {subscriber.PreferencesInput{Topics: []string{"go"}, PausedUntil: &soon}, "paused_until", true},
		"more topics":      {subscriber.PreferencesInput{Topics: []string{"go", "art"}}, "topics", false},
		"other topics":     {subscriber.PreferencesInput{Topics: []string{"art"}}, "topics", true},
		"weekly":           {subscriber.PreferencesInput{Topics: []string{"go"}, Frequency: "weekly"}, "frequency", true},
		"another language": {subscriber.PreferencesInput{Topics: []string{"go"}, Language: "DE", Timezone: "Asia/Tokyo"}, "language timezone", false},
		"over midnight":    {subscriber.PreferencesInput{Topics: []string{"go"}, QuietFrom: "23:59", QuietTo: "00:00"}, "quiet_hours", true},
		"a channel less":   {subscriber.PreferencesInput{Topics: []string{"go"}, ChannelsOff: []int16{2, 1, 2}}, "channels_off", true},
	} {
		got, err := before.Change(c.in, now)
		if err != nil || strings.Join(got.Fields(), " ") != c.fields || got.Tightened() != c.tighter {
			t.Errorf("%s: %v, tighter: %v, %v", name, got.Fields(), got.Tightened(), err)
		}
		back, err := got.After.Change(subscriber.PreferencesInput{Topics: []string{"go"}}, now)
		if err != nil || len(back.Fields()) != len(got.Fields()) || back.Tightened() && name != "more topics" && name != "other topics" {
			t.Errorf("%s, and back: %v, tighter: %v, %v", name, back.Fields(), back.Tightened(), err)
		}
	}
}

func TestFrequenciesHaveNames(t *testing.T) {
	t.Parallel()
	if got := subscriber.Frequencies(); !slices.Equal(got, []string{subscriber.Each.String(), subscriber.Daily.String(), subscriber.Weekly.String()}) {
		t.Errorf("%v", got)
	}
	if got := subscriber.Frequency(9).String(); got != "frequency 9" {
		t.Errorf("%q", got)
	}
	if subscriber.Clock(1439) != "23:59" || subscriber.Clock(0) != "00:00" {
		t.Error(subscriber.Clock(1439), subscriber.Clock(0))
	}
}
