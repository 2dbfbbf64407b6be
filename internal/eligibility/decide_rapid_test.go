package eligibility

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// zoneNames have whole, half and quarter hours, summer times of both hemispheres and of half an hour, and days that were
// left out or came twice.
var zoneNames = []string{"UTC", "", "nowhere", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kolkata", "Asia/Kathmandu",
	"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Kwajalein", "Africa/Casablanca", "Antarctica/Troll",
	"America/Sao_Paulo", "Pacific/Chatham", "Asia/Gaza", "Etc/GMT+12"}

func anyHours(t *rapid.T, name string) Hours {
	minute := rapid.IntRange(0, minutesADay-1)
	return Hours{From: minute.Draw(t, name+" from"), To: minute.Draw(t, name+" to")}
}

func anyMoment(t *rapid.T, name string) time.Time {
	from, to := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC)
	return time.Unix(rapid.Int64Range(from.Unix(), to.Unix()).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns"))
}

type situation struct {
	policy  Policy
	message Message
	reader  Reader
	now     time.Time
}

func anySituation(t *rapid.T) situation {
	s := situation{now: anyMoment(t, "now")}
	s.policy = Policy{Quiet: anyHours(t, "quiet"), Digest: DigestTime{Minute: rapid.IntRange(0, minutesADay-1).Draw(t, "digest"),
		Weekday: time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday"))}}
	s.reader = Reader{Timezone: rapid.SampledFrom(zoneNames).Draw(t, "zone"), Frequency: Frequency(rapid.IntRange(0, 2).Draw(t, "frequency"))}
	if rapid.Bool().Draw(t, "own hours") {
		own := anyHours(t, "own")
		s.reader.Quiet = &own
	}
	if rapid.Bool().Draw(t, "paused") {
		s.reader.PausedUntil = s.now.Add(time.Duration(rapid.Int64Range(-1, 90*24).Draw(t, "pause")) * time.Hour)
	}
	s.message.Digest = rapid.Bool().Draw(t, "is a digest")
	if rapid.Bool().Draw(t, "local") {
		l := LocalAt(s.now.Add(time.Duration(rapid.IntRange(-72, 72).Draw(t, "local in")) * time.Hour))
		s.message.Local = &l
	}
	return s
}

func (s situation) quiet() Hours {
	if s.reader.Quiet != nil {
		return *s.reader.Quiet
	}
	return s.policy.Quiet
}

// TestHeldReadersAreReached: whoever is held has a time in the future, at which they are not in quiet hours, not paused any
// more, and not before their local hour; and whoever asks again at that time is let through, or gets a digest.
func TestHeldReadersAreReached(t *testing.T) {
	t.Parallel()
	zones := new(Zones)
	rapid.Check(t, func(t *rapid.T) {
		s := anySituation(t)
		zone := zones.Zone(s.reader.Timezone)
		v := s.policy.Decide(zones, s.message, s.reader, s.now)
		sent := s.now
		if v.Held() {
			sent = v.Until
			if s.now.After(sent) || s.now.Equal(sent) {
				t.Fatalf("held until %s, which is not later than %s", sent, s.now)
			}
			if sent.Sub(s.now) > 110*24*time.Hour {
				t.Fatalf("held for %s", sent.Sub(s.now))
			}
			if !v.Closes.IsZero() {
				t.Fatalf("held, and closes %s", v.Closes)
			}
		}
		if s.reader.PausedUntil.After(sent) {
			t.Fatal("sent to in a pause")
		}
		if v.Reason == Digest {
			s.reader.Since = s.now
			if again := s.policy.Decide(zones, s.message, s.reader, sent); again.Reason == Digest || again.Reason == Paused {
				t.Fatalf("held for the next digest: %+v", again)
			}
			return
		}
		if s.quiet().has(sent.In(zone)) && !s.quiet().None() {
			t.Fatalf("sent to in quiet hours, %s", sent.In(zone))
		}
		if again := s.policy.Decide(zones, s.message, s.reader, sent); again.Reason != None {
			t.Fatalf("held again when due: %+v", again)
		}
	})
}

// TestQuietHoursByTheMinute compares the ends and beginnings of hours with a clock that is looked at every minute.
func TestQuietHoursByTheMinute(t *testing.T) {
	t.Parallel()
	zones := new(Zones)
	rapid.Check(t, func(t *rapid.T) {
		h, zone := anyHours(t, "hours"), zones.Zone(rapid.SampledFrom(zoneNames).Draw(t, "zone"))
		now := anyMoment(t, "now").Truncate(time.Minute)
		if h.None() {
			if !h.begin(now, zone).IsZero() || !h.end(now, zone).Equal(now) {
				t.Fatal("no hours begin")
			}
			return
		}
		begin, end := now, now
		for !h.has(begin.In(zone)) {
			begin = begin.Add(time.Minute)
		}
		for h.has(end.In(zone)) {
			end = end.Add(time.Minute)
		}
		if got := h.begin(now, zone); !got.Equal(begin) {
			t.Fatalf("begin %s, want %s", got, begin)
		}
		if got := h.end(now, zone); !got.Equal(end) {
			t.Fatalf("end %s, want %s", got, end)
		}
	})
}

// TestLocalTimeIsTheFirst: the local time is the first moment at which the clock shows it or something later.
func TestLocalTimeIsTheFirst(t *testing.T) {
	t.Parallel()
	zones := new(Zones)
	rapid.Check(t, func(t *rapid.T) {
		zone := zones.Zone(rapid.SampledFrom(zoneNames).Draw(t, "zone"))
		l := LocalAt(anyMoment(t, "shown").UTC())
		shows := func(t time.Time) bool { return !LocalAt(t.In(zone)).shown().Before(l.shown()) }
		got := l.in(zone)
		if !shows(got) {
			t.Fatalf("%s is before", got)
		}
		for before := got.Add(-time.Minute); got.Sub(before) < 26*time.Hour; before = before.Add(-time.Minute) {
			if shows(before) {
				t.Fatalf("%s shows it, before %s", before.In(zone), got)
			}
		}
		// First 14 hours before UTC shows it, and last 12 after, or a day later where the day is left out.
		if early, late := l.shown().Add(-14*time.Hour), l.shown().Add(36*time.Hour); got.Before(early) || got.After(late) {
			t.Fatalf("%s is not between %s and %s", got, early, late)
		}
	})
}

// TestCapNeverLetsTooManyThrough: whoever goes when the cap says so is one of at most Limit in any window.
func TestCapNeverLetsTooManyThrough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := Cap{Limit: rapid.IntRange(1, 5).Draw(t, "limit"), Window: time.Duration(rapid.IntRange(1, 48).Draw(t, "hours")) * time.Hour}
		now := anyMoment(t, "now")
		var sent []time.Time
		for range rapid.IntRange(1, 30).Draw(t, "messages") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "after")) * time.Hour)
			at := c.Until(sent, now)
			if at.Before(now) {
				t.Fatalf("%s is in the past", at)
			}
			now = at
			sent = append(sent, at)
			recent := 0
			for _, one := range sent {
				if one.After(now.Add(-c.Window)) {
					recent++
				}
			}
			if recent > c.Limit {
				t.Fatalf("%d within %s", recent, c.Window)
			}
		}
	})
}
