package eligibility

import "time"

// Wall clocks are read as seconds of a day. Between two changes of a zone's offset (time.Time.ZoneBounds) a wall clock runs
// evenly, so a time of day is found by arithmetic there; at a change it may jump over what is looked for, or show it twice.

// minutesADay is how many minutes a day of a wall clock has.
const minutesADay = 24 * 60

// Hours are a part of the day, in minutes since midnight: From is in it, To is not. They go over midnight if To is before
// From, and are none if both are the same.
type Hours struct{ From, To int }

// None reports hours that no moment is in.
func (h Hours) None() bool { return h.From == h.To }

// has reports whether a wall clock shows a time in the hours.
func (h Hours) has(t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	if h.From <= h.To {
		return h.From <= minute && minute < h.To
	}
	return minute >= h.From || minute < h.To
}

// end is the first moment from t on that is not in the hours, t itself if it is not.
func (h Hours) end(t time.Time, zone *time.Location) time.Time {
	if h.None() {
		return t
	}
	return Hours{From: h.To, To: h.From}.begin(t, zone)
}

// begin is the first moment from t on that is in the hours; zero if they are none.
func (h Hours) begin(t time.Time, zone *time.Location) time.Time {
	if h.None() {
		return time.Time{}
	}
	for t = t.In(zone); ; {
		if h.has(t) {
			return t
		}
		next := t.Add(untilMinute(t, h.From))
		_, change := t.ZoneBounds()
		if change.IsZero() || next.Before(change) {
			return next
		}
		t = change.In(zone)
	}
}

// untilMinute is how long a wall clock that runs evenly takes from t to a minute of the day: up to a day, and more than
// nothing.
func untilMinute(t time.Time, minute int) time.Duration {
	const day = 24 * time.Hour
	shown := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	wait := time.Duration(minute)*time.Minute - shown
	if wait <= 0 {
		wait += day
	}
	return wait
}

// Local is a time by each reader's own clock: a minute of a date.
type Local struct {
	Year   int
	Month  time.Month
	Day    int
	Minute int
}

// LocalAt is what a wall clock shows at t in its own zone, without the seconds.
func LocalAt(t time.Time) Local {
	return Local{Year: t.Year(), Month: t.Month(), Day: t.Day(), Minute: t.Hour()*60 + t.Minute()}
}

// shown is the time as if the clock were in a zone without an offset.
func (l Local) shown() time.Time {
	return time.Date(l.Year, l.Month, l.Day, 0, l.Minute, 0, 0, time.UTC)
}

// offsets of zones are less than this, also those that were.
const maxOffset = 16 * time.Hour

// in is the first moment at which a clock of the zone shows the time, or a later one, if the time, or the whole day, is left
// out there.
func (l Local) in(zone *time.Location) time.Time {
	want := l.shown()
	for t := want.Add(-maxOffset).In(zone); ; {
		_, offset := t.Zone()
		found := want.Add(-time.Duration(offset) * time.Second)
		if found.Before(t) {
			found = t // the clock jumped over it
		}
		_, change := t.ZoneBounds()
		if change.IsZero() || found.Before(change) {
			return found.In(zone)
		}
		t = change.In(zone)
	}
}

// DigestTime is when digests go out: at a minute of each reader's day, weekly ones on one day.
type DigestTime struct {
	Minute  int
	Weekday time.Weekday
}

// next is the first time of a digest from t on.
func (d DigestTime) next(t time.Time, zone *time.Location, f Frequency) time.Time {
	t = t.In(zone)
	for l := LocalAt(t); ; l.Day++ { // by the calendar, not by the zone's clock, which may leave a day out
		l.Minute = d.Minute
		if f == Weekly && l.shown().Weekday() != d.Weekday {
			continue
		}
		if at := l.in(zone); !at.Before(t) {
			return at
		}
	}
}
