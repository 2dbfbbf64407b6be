package eligibility

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

func TestNewPolicy(t *testing.T) {
	t.Parallel()
	good := Input{Quiet: &QuietInput{From: "22:00", To: "07:30"}, DigestTime: "08:00", DigestWeekday: "monday",
		Caps: []CapInput{{Limit: 3, Hours: 24}, {Topic: " Offers ", Limit: 1, Hours: 168}}}
	p, err := NewPolicy(good)
	if err != nil || p.Quiet != (Hours{From: 1320, To: 450}) || p.Digest != (DigestTime{Minute: 480, Weekday: time.Monday}) ||
		!slices.Equal(p.Caps, []Cap{{Limit: 3, Window: 24 * time.Hour}, {Slug: "offers", Limit: 1, Window: 168 * time.Hour}}) {
		t.Fatalf("%+v, %v", p, err)
	}
	for name, c := range map[string]struct {
		change func(*Input)
		want   []string
	}{
		"no quiet hours":    {func(in *Input) { in.Quiet = nil }, nil},
		"half of them":      {func(in *Input) { in.Quiet = &QuietInput{From: "22:00"} }, []string{"/quiet_hours/to format"}},
		"none, by the hour": {func(in *Input) { in.Quiet = &QuietInput{From: "22:00", To: "22:00"} }, []string{"/quiet_hours/to not_allowed"}},
		"no times":          {func(in *Input) { in.Quiet, in.DigestTime = &QuietInput{From: "24:00", To: "07:00"}, "8:00" }, []string{"/quiet_hours/from format", "/digest/time format"}},
		"no day":            {func(in *Input) { in.DigestWeekday = "Monday" }, []string{"/digest/weekday not_allowed"}},
		"caps out of range": {func(in *Input) { in.Caps = []CapInput{{Limit: 0, Hours: 721}, {Limit: 1001, Hours: 0}} },
			[]string{"/caps/0/limit out_of_range", "/caps/0/hours out_of_range", "/caps/1/limit out_of_range", "/caps/1/hours out_of_range"}},
		"no topic":      {func(in *Input) { in.Caps = []CapInput{{Topic: "a/b", Limit: 1, Hours: 1}} }, []string{"/caps/0/topic format"}},
		"too many caps": {func(in *Input) { in.Caps = make([]CapInput, MaxCaps+1) }, []string{"/caps too_many"}},
	} {
		in := good
		c.change(&in)
		_, err := NewPolicy(in)
		var problem *fault.Error
		var got []string
		if errors.As(err, &problem) {
			for _, f := range problem.Fields {
				got = append(got, f.Pointer+" "+f.Code)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func FuzzParseMinute(f *testing.F) {
	for _, text := range []string{"00:00", "23:59", "24:00", "9:30", "09:3", " 9:30", "09:30 ", "-1:00", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseMinute(text)
		if err == nil && (n < 0 || n >= minutesADay || ShowMinute(n) != text) {
			t.Errorf("%q is minute %d, which is shown as %s", text, n, ShowMinute(n))
		}
	})
}

func TestZonesAreRemembered(t *testing.T) {
	t.Parallel()
	z := new(Zones)
	if first, again := z.Zone("Europe/Berlin"), z.Zone("Europe/Berlin"); first != again {
		t.Error("read twice")
	}
	for _, name := range []string{"", "Local", "../etc/passwd", "nowhere"} {
		if z.Zone(name) != time.UTC {
			t.Errorf("%q is %s", name, z.Zone(name))
		}
	}
	for i := range 2 * maxZones {
		z.Zone(time.Duration(i).String())
	}
	if len(z.known) > maxZones {
		t.Errorf("%d remembered", len(z.known))
	}
}
