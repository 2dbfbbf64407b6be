package publication

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

func TestScheduleByLocalTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2030-02-01T09:00 local": "2030-01-31T19:00:00Z",
		"2030-01-31T09:00 local": "2030-01-30T19:00:00Z", // it has come in the east, and is yet to come in the west
		"2030-01-31T00:01 local": "2030-01-30T10:01:00Z",
	} {
		var f fault.Fields
		at, local := parseSchedule(&f, text, now)
		if err := f.Err(); err != nil || !local || at.Format(time.RFC3339) != want || ShowLocal(*at) != text {
			t.Errorf("%s: %s, %v, shown as %s, %v", text, at, local, ShowLocal(*at), err)
		}
	}
	var f fault.Fields
	if at, local := parseSchedule(&f, "2030-02-01T09:00:00+01:00", now); f.Err() != nil || local || at.Format(time.RFC3339) != "2030-02-01T08:00:00Z" {
		t.Errorf("%s, %v, %v", at, local, f.Err())
	}
}

// FuzzSchedule: what is taken lies between now and MaxAhead, and a local time is shown as it was given.
func FuzzSchedule(f *testing.F) {
	for _, text := range []string{"", "2030-01-31T09:00 local", "2030-01-31T09:00", " local", "2030-02-30T09:00 local", "2030-01-31T09:00:00Z",
		"2030-01-31T09:00:00Z local", "2030-01-31T24:00 local", "2030-01-31T09:00 local local", "2030-1-1T9:00 local"} {
		f.Add(text)
	}
	now := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		var problems fault.Fields
		at, local := parseSchedule(&problems, text, now)
		switch {
		case problems.Err() != nil || at == nil:
		case at.Before(now.Add(-26*time.Hour)) || at.After(now.Add(MaxAhead)) || !local && !at.After(now):
			t.Errorf("%q is taken as %s", text, at)
		case local && ShowLocal(*at) != text:
			t.Errorf("%q is shown as %q", text, ShowLocal(*at))
		}
	})
}
