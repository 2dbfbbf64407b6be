package subscriber

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// Frequency is how often a reader wants to hear.
type Frequency int16

// The frequencies: each message, or what came in a day or a week in one.
const (
	Each Frequency = iota
	Daily
	Weekly
)

// frequencies by their numbers, which are the store's.
var frequencies = [...]string{"each", "daily", "weekly"}

// Frequencies is the name of every frequency.
func Frequencies() []string { return slices.Clone(frequencies[:]) }

// String is the frequency's name.
func (f Frequency) String() string {
	if f < 0 || int(f) >= len(frequencies) {
		return fmt.Sprintf("frequency %d", int16(f))
	}
	return frequencies[f]
}

// dayMinutes is how many minutes a day has.
const dayMinutes = 24 * 60

// Quiet is when nothing is to come, in minutes of the reader's own day. It may go past midnight.
type Quiet struct{ From, To int16 }

// MaxPause is for how long a reader may pause at most: who wants longer unsubscribes.
const MaxPause = 366 * 24 * time.Hour

// Preferences are what a reader chose: what they want to get, where, and how often.
type Preferences struct {
	UID    ident.UID
	Status Status
	// Topics are slugs, sorted.
	Topics []string
	// ChannelsOff are the kinds of channel that they do not want, by their numbers in the ledger, sorted.
	ChannelsOff []int16
	Frequency   Frequency
	// PausedUntil is when they want to hear again; nil: they have not paused.
	PausedUntil *time.Time
	// Quiet is nil if it is as the organisation says.
	Quiet              *Quiet
	Language, Timezone string
	Version            int
}

// PreferencesInput is what a reader or a client chooses. All is replaced.
type PreferencesInput struct {
	Topics      []string
	ChannelsOff []int16
	Frequency   string
	PausedUntil *time.Time
	// QuietFrom and QuietTo are times of day, "22:00"; both or none.
	QuietFrom, QuietTo string
	Language, Timezone string
}

// Change is p replaced by what in describes, at a time. Errors are Invalid with every problem: /topics/0, /frequency,
// /paused_until, /quiet_hours/from, /quiet_hours/to, /language and /timezone.
func (p Preferences) Change(in PreferencesInput, now time.Time) (PreferencesChange, error) {
	var f fault.Fields
	parser := newParser()
	next := p
	next.Topics = topics(&f, in.Topics)
	next.ChannelsOff = slices.Compact(slices.Sorted(slices.Values(in.ChannelsOff)))
	next.Frequency = frequency(&f, in.Frequency)
	next.PausedUntil = pause(&f, in.PausedUntil, now)
	next.Quiet = quiet(&f, in.QuietFrom, in.QuietTo)
	next.Language = or(parser.language(&f, strings.TrimSpace(in.Language)), DefaultLanguage)
	next.Timezone = or(parser.timezone(&f, strings.TrimSpace(in.Timezone)), DefaultTimezone)
	return PreferencesChange{Before: p, After: next}, f.Err()
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func frequency(f *fault.Fields, text string) Frequency {
	if text == "" {
		return Each
	}
	n := slices.Index(frequencies[:], text)
	if n < 0 {
		f.Add("/frequency", "unknown_frequency", "must be one of %s", strings.Join(frequencies[:], ", "))
		return Each
	}
	return Frequency(n) //nolint:gosec // three of them
}

// pause is nil of one that is over.
func pause(f *fault.Fields, until *time.Time, now time.Time) *time.Time {
	if until == nil || !until.After(now) {
		return nil
	}
	if until.After(now.Add(MaxPause)) {
		f.Add("/paused_until", "too_late", "must be within a year")
	}
	at := until.UTC().Truncate(time.Second)
	return &at
}

func quiet(f *fault.Fields, from, to string) *Quiet {
	if from == "" && to == "" {
		return nil
	}
	q := Quiet{From: minute(f, "/quiet_hours/from", from), To: minute(f, "/quiet_hours/to", to)}
	if q.From == q.To && f.Err() == nil {
		f.Add("/quiet_hours/to", "empty", "must not be the time at which the quiet hours begin")
	}
	return &q
}

// minute reads a time of day.
func minute(f *fault.Fields, pointer, text string) int16 {
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		f.Add(pointer, "format", "must be a time of day like 22:00")
		return 0
	}
	return int16(at.Hour()*60 + at.Minute()) //nolint:gosec // of a day
}

// Clock is a minute of the day as a time: "22:00".
func Clock(minute int16) string {
	m := (int(minute) + dayMinutes) % dayMinutes
	return fmt.Sprintf("%02d:%02d", m/60, m%60)
}

// PreferencesChange is what becomes of a reader's preferences.
type PreferencesChange struct{ Before, After Preferences }

// Fields are the names of what changes, sorted, for the audit log.
func (c PreferencesChange) Fields() []string {
	a, b := c.Before, c.After
	fields := []string{}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"channels_off", slices.Equal(a.ChannelsOff, b.ChannelsOff)}, {"frequency", a.Frequency == b.Frequency}, {"language", a.Language == b.Language},
		{"paused_until", equal(a.PausedUntil, b.PausedUntil, time.Time.Equal)},
		{"quiet_hours", equal(a.Quiet, b.Quiet, func(x, y Quiet) bool { return x == y })},
		{"timezone", a.Timezone == b.Timezone}, {"topics", slices.Equal(a.Topics, b.Topics)},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

func equal[T any](a, b *T, same func(T, T) bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return same(*a, *b)
}

// Tightened reports that less may be sent than before, or later: senders look again at what they have in hand.
func (c PreferencesChange) Tightened() bool {
	a, b := c.Before, c.After
	later := b.PausedUntil != nil && (a.PausedUntil == nil || b.PausedUntil.After(*a.PausedUntil))
	moreOff := slices.ContainsFunc(b.ChannelsOff, func(kind int16) bool { return !slices.Contains(a.ChannelsOff, kind) })
	quieter := b.Quiet != nil && (a.Timezone != b.Timezone || !equal(a.Quiet, b.Quiet, func(x, y Quiet) bool { return x == y }))
	return lacks(b.Topics, a.Topics) || moreOff || b.Frequency > a.Frequency || later || quieter
}
