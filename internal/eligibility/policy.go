package eligibility

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
)

// Policy is what the organisation says for all readers. The zero value holds nobody back but who asks for it.
type Policy struct {
	Quiet  Hours
	Digest DigestTime
	Caps   []Cap
	// DigestTemplate is the name of the template of digests; empty: the built-in one.
	DigestTemplate string

	Version   int
	UpdatedAt time.Time
}

// Limits of a policy.
const (
	MaxCaps   = 20
	MaxLimit  = 1000
	MaxWindow = 30 * 24 * time.Hour
)

// What holds of digests until somebody says otherwise.
const (
	DefaultDigestTime    = "08:00"
	DefaultDigestWeekday = "monday"
)

// Input is a policy as a client describes it: times as "22:00", days as "monday". What is left out is as it
// was in the beginning.
type Input struct {
	Quiet                     *QuietInput
	DigestTime, DigestWeekday string
	Caps                      []CapInput
	// DigestTemplate is the name of one; whether there is one, the store knows.
	DigestTemplate string
}

// QuietInput is quiet hours as a client describes them.
type QuietInput struct{ From, To string }

// CapInput is a cap as a client describes it. Topic is one by its slug, or empty.
type CapInput struct {
	Topic        string
	Limit, Hours int
}

// NewPolicy is the policy that in describes, or an Invalid error with every problem. Whether there are such topics, the
// store knows.
func NewPolicy(in Input) (Policy, error) {
	var f fault.Fields
	p := Policy{DigestTemplate: in.DigestTemplate}
	if strings.ContainsRune(in.DigestTemplate, 0) || !utf8.ValidString(in.DigestTemplate) {
		f.Add("/digest_template", "unknown_template", "does not exist")
	}
	if in.Quiet != nil {
		p.Quiet.From = minute(&f, "/quiet_hours/from", in.Quiet.From)
		p.Quiet.To = minute(&f, "/quiet_hours/to", in.Quiet.To)
		if f.Err() == nil && p.Quiet.None() {
			f.Add("/quiet_hours/to", "not_allowed", "must differ from the beginning; leave quiet_hours out for none")
		}
	}
	p.Digest.Minute = minute(&f, "/digest/time", cmp.Or(in.DigestTime, DefaultDigestTime))
	p.Digest.Weekday = weekday(&f, "/digest/weekday", cmp.Or(in.DigestWeekday, DefaultDigestWeekday))
	if len(in.Caps) > MaxCaps {
		f.Add("/caps", "too_many", "must be at most %d", MaxCaps)
		return p, f.Err()
	}
	for i, c := range in.Caps {
		p.Caps = append(p.Caps, newCap(&f, fmt.Sprintf("/caps/%d", i), c))
	}
	return p, f.Err()
}

func newCap(f *fault.Fields, pointer string, in CapInput) Cap {
	c := Cap{Limit: in.Limit, Window: time.Duration(in.Hours) * time.Hour}
	if in.Topic != "" {
		var err error
		if c.Slug, err = canonical.Topic(in.Topic); err != nil {
			f.Add(pointer+"/topic", "format", "%s", err)
		}
	}
	if c.Limit < 1 || c.Limit > MaxLimit {
		f.Add(pointer+"/limit", "out_of_range", "must be 1 to %d", MaxLimit)
	}
	if hours := int(MaxWindow / time.Hour); in.Hours < 1 || in.Hours > hours {
		f.Add(pointer+"/hours", "out_of_range", "must be 1 to %d", hours)
	}
	return c
}

func minute(f *fault.Fields, pointer, text string) int {
	n, err := ParseMinute(text)
	if err != nil {
		f.Add(pointer, "format", "must be a time of day such as 22:00")
	}
	return n
}

// ParseMinute reads a time of day as 09:30, and returns its minute.
func ParseMinute(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	if err == nil && len(text) != len("15:04") {
		err = fmt.Errorf("a time of day has two digits for the hour: %q", text)
	}
	return t.Hour()*60 + t.Minute(), err
}

// ShowMinute is a minute of the day as ParseMinute reads it.
func ShowMinute(n int) string { return fmt.Sprintf("%02d:%02d", n/60, n%60) }

// Weekdays are the names of the days, as a policy has them; the first is time.Sunday.
func Weekdays() []string {
	names := make([]string, 7)
	for i := range names {
		names[i] = strings.ToLower(time.Weekday(i).String())
	}
	return names
}

func weekday(f *fault.Fields, pointer, text string) time.Weekday {
	i := slices.Index(Weekdays(), text)
	if i < 0 {
		f.Add(pointer, "not_allowed", "must be a day of the week such as monday")
		return 0
	}
	return time.Weekday(i)
}
