package eligibility

import (
	"testing"
	"time"
	_ "time/tzdata" // as the program does
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02T15:04:05Z07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

const hour = 60

func night() *Hours { return &Hours{From: 22 * hour, To: 7 * hour} }

func TestDecide(t *testing.T) {
	t.Parallel()
	nine := &Local{Year: 2030, Month: time.January, Day: 31, Minute: 9 * hour}
	policy := Policy{Quiet: *night(), Digest: DigestTime{Minute: 8 * hour, Weekday: time.Monday}}
	none := Policy{Digest: policy.Digest}
	for name, c := range map[string]struct {
		policy  Policy
		message Message
		reader  Reader
		now     string
		reason  Reason
		until   string // "" of who may be sent to
		closes  string
	}{
		"nothing chosen":            {policy: none, now: "2030-01-31T23:00:00Z"},
		"a zone that is not known":  {policy: policy, reader: Reader{Timezone: "Moon/Base"}, now: "2030-01-31T23:00:00Z", reason: QuietHours, until: "2030-02-01T07:00:00Z"},
		"the organisation's nights": {policy: policy, reader: Reader{Timezone: "Europe/Lisbon"}, now: "2030-01-31T23:00:00Z", reason: QuietHours, until: "2030-02-01T07:00:00Z"},
		"by day":                    {policy: policy, now: "2030-01-31T12:00:00Z", closes: "2030-01-31T22:00:00Z"},
		"the first quiet second":    {policy: policy, now: "2030-01-31T22:00:00Z", reason: QuietHours, until: "2030-02-01T07:00:00Z"},
		"the last open second":      {policy: policy, now: "2030-01-31T21:59:59Z", closes: "2030-01-31T22:00:00Z"},
		"the first open second":     {policy: policy, now: "2030-02-01T07:00:00Z", closes: "2030-02-01T22:00:00Z"},
		"a reader's own":            {policy: none, reader: Reader{Quiet: &Hours{From: 12 * hour, To: 13 * hour}}, now: "2030-01-31T12:30:00Z", reason: QuietHours, until: "2030-01-31T13:00:00Z"},
		"a reader without":          {policy: policy, reader: Reader{Quiet: &Hours{}}, now: "2030-01-31T23:00:00Z"},
		"half an hour off":          {policy: policy, reader: Reader{Timezone: "Asia/Kolkata"}, now: "2030-01-31T01:00:00Z", reason: QuietHours, until: "2030-01-31T01:30:00Z"},
		"three quarters off":        {policy: policy, reader: Reader{Timezone: "Asia/Kathmandu"}, now: "2030-01-31T01:00:00Z", reason: QuietHours, until: "2030-01-31T01:15:00Z"},
		// Clocks go from 2 to 3 at 01:00 UTC: seven o'clock is an hour sooner.
		"a short night": {policy: policy, reader: Reader{Timezone: "Europe/Berlin"}, now: "2030-03-30T22:00:00Z", reason: QuietHours, until: "2030-03-31T05:00:00Z"},
		"a long night":  {policy: policy, reader: Reader{Timezone: "Europe/Berlin"}, now: "2030-10-26T21:00:00Z", reason: QuietHours, until: "2030-10-27T06:00:00Z"},
		// 02:30 is left out on the day: the quiet hours end when the clock jumps over it.
		"an end that is left out": {policy: none, reader: Reader{Timezone: "Europe/Berlin", Quiet: &Hours{From: 1 * hour, To: 2*hour + 30}},
			now: "2030-03-31T00:15:00Z", reason: QuietHours, until: "2030-03-31T01:00:00Z"},
		// 02:30 comes twice, and is quiet until it came first; from three to two it is quiet again.
		"an end that comes twice": {policy: none, reader: Reader{Timezone: "Europe/Berlin", Quiet: &Hours{From: 1 * hour, To: 2*hour + 30}},
			now: "2030-10-26T23:15:00Z", reason: QuietHours, until: "2030-10-27T00:30:00Z"},
		"between the two": {policy: none, reader: Reader{Timezone: "Europe/Berlin", Quiet: &Hours{From: 1 * hour, To: 2*hour + 30}},
			now: "2030-10-27T00:45:00Z", closes: "2030-10-27T01:00:00Z"},
		"paused":              {policy: none, reader: Reader{PausedUntil: time.Date(2030, 2, 9, 12, 0, 0, 0, time.UTC)}, now: "2030-01-31T12:00:00Z", reason: Paused, until: "2030-02-09T12:00:00Z"},
		"paused until now":    {policy: none, reader: Reader{PausedUntil: time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)}, now: "2030-01-31T12:00:00Z"},
		"paused into a night": {policy: policy, reader: Reader{PausedUntil: time.Date(2030, 2, 9, 0, 0, 0, 0, time.UTC)}, now: "2030-01-31T12:00:00Z", reason: QuietHours, until: "2030-02-09T07:00:00Z"},
		"not this channel":    {policy: policy, message: Message{Channel: 2}, reader: Reader{ChannelsOff: []int16{1, 2}}, now: "2030-01-31T23:00:00Z", reason: ChannelOff},
		"another channel":     {policy: none, message: Message{Channel: 3}, reader: Reader{ChannelsOff: []int16{1, 2}}, now: "2030-01-31T23:00:00Z"},
		"urgent": {policy: policy, message: Message{Channel: 2, Urgent: true, Local: nine}, now: "2030-01-31T23:00:00Z",
			reader: Reader{ChannelsOff: []int16{2}, Frequency: Daily, PausedUntil: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)}},
		"daily":               {policy: policy, reader: Reader{Frequency: Daily}, now: "2030-01-31T12:00:00Z", reason: Digest, until: "2030-02-01T08:00:00Z"},
		"daily, this morning": {policy: policy, reader: Reader{Frequency: Daily}, now: "2030-01-31T07:00:00Z", reason: Digest, until: "2030-01-31T08:00:00Z"},
		"daily, elsewhere":    {policy: policy, reader: Reader{Frequency: Daily, Timezone: "America/New_York"}, now: "2030-01-31T12:00:00Z", reason: Digest, until: "2030-01-31T13:00:00Z"},
		"weekly":              {policy: policy, reader: Reader{Frequency: Weekly}, now: "2030-01-31T12:00:00Z", reason: Digest, until: "2030-02-04T08:00:00Z"},
		"weekly, on the day":  {policy: policy, reader: Reader{Frequency: Weekly}, now: "2030-02-04T08:00:00Z", closes: "2030-02-04T22:00:00Z"},
		"weekly, missed":      {policy: policy, reader: Reader{Frequency: Weekly}, now: "2030-02-04T08:00:01Z", reason: Digest, until: "2030-02-11T08:00:00Z"},
		"daily, paused": {policy: policy, reader: Reader{Frequency: Daily, PausedUntil: time.Date(2030, 2, 9, 12, 0, 0, 0, time.UTC)},
			now: "2030-01-31T12:00:00Z", reason: Digest, until: "2030-02-10T08:00:00Z"},
		"daily, its time has come": {policy: policy, reader: Reader{Frequency: Daily, Since: time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)}, now: "2030-02-01T08:00:00Z", closes: "2030-02-01T22:00:00Z"},
		"daily, looked at before":  {policy: policy, reader: Reader{Frequency: Daily, Since: time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)}, now: "2030-02-01T07:59:59Z", reason: Digest, until: "2030-02-01T08:00:00Z"},
		"daily, and late":          {policy: policy, reader: Reader{Frequency: Daily, Since: time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)}, now: "2030-02-01T23:00:00Z", reason: QuietHours, until: "2030-02-02T07:00:00Z"},
		"the digest itself":        {policy: none, message: Message{Digest: true}, reader: Reader{Frequency: Daily}, now: "2030-01-31T12:00:00Z"},
		"the digest at night":      {policy: policy, message: Message{Digest: true}, reader: Reader{Frequency: Daily}, now: "2030-01-31T23:00:00Z", reason: QuietHours, until: "2030-02-01T07:00:00Z"},
		"before the hour, east":    {policy: none, message: Message{Local: nine}, reader: Reader{Timezone: "Pacific/Kiritimati"}, now: "2030-01-30T18:59:59Z", reason: LocalHour, until: "2030-01-30T19:00:00Z"},
		"at the hour, east":        {policy: none, message: Message{Local: nine}, reader: Reader{Timezone: "Pacific/Kiritimati"}, now: "2030-01-30T19:00:00Z"},
		"before the hour, west":    {policy: none, message: Message{Local: nine}, reader: Reader{Timezone: "America/Los_Angeles"}, now: "2030-01-30T19:00:00Z", reason: LocalHour, until: "2030-01-31T17:00:00Z"},
		"long after the hour":      {policy: none, message: Message{Local: nine}, reader: Reader{Timezone: "America/Los_Angeles"}, now: "2030-02-03T12:00:00Z"},
		"an hour that is quiet":    {policy: policy, message: Message{Local: &Local{Year: 2030, Month: time.January, Day: 31, Minute: 6 * hour}}, now: "2030-01-30T12:00:00Z", reason: QuietHours, until: "2030-01-31T07:00:00Z"},
		"an hour that is left out": {policy: none, message: Message{Local: &Local{Year: 2030, Month: time.March, Day: 31, Minute: 2*hour + 30}}, reader: Reader{Timezone: "Europe/Berlin"}, now: "2030-03-30T12:00:00Z", reason: LocalHour, until: "2030-03-31T01:00:00Z"},
		"an hour that comes twice": {policy: none, message: Message{Local: &Local{Year: 2030, Month: time.October, Day: 27, Minute: 2*hour + 30}}, reader: Reader{Timezone: "Europe/Berlin"}, now: "2030-10-26T12:00:00Z", reason: LocalHour, until: "2030-10-27T00:30:00Z"},
		// Samoa had no 30 December 2011: it went from the 29th to the 31st.
		"a day that is left out":  {policy: none, message: Message{Local: &Local{Year: 2011, Month: time.December, Day: 30, Minute: 9 * hour}}, reader: Reader{Timezone: "Pacific/Apia"}, now: "2011-12-29T12:00:00Z", reason: LocalHour, until: "2011-12-30T10:00:00Z"},
		"a night in Samoa":        {policy: policy, reader: Reader{Timezone: "Pacific/Apia"}, now: "2011-12-30T09:00:00Z", reason: QuietHours, until: "2011-12-30T17:00:00Z"},
		"a digest left out":       {policy: Policy{Digest: DigestTime{Minute: 8 * hour, Weekday: time.Friday}}, reader: Reader{Frequency: Weekly, Timezone: "Pacific/Apia"}, now: "2011-12-29T20:00:00Z", reason: Digest, until: "2011-12-30T10:00:00Z"},
		"a daily digest in Samoa": {policy: policy, reader: Reader{Frequency: Daily, Timezone: "Pacific/Apia"}, now: "2011-12-29T20:00:00Z", reason: Digest, until: "2011-12-30T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.policy.Decide(new(Zones), c.message, c.reader, at(t, c.now))
			if got.Reason != c.reason || got.Held() != (c.until != "") {
				t.Fatalf("got %+v", got)
			}
			if c.until != "" && !got.Until.Equal(at(t, c.until)) {
				t.Errorf("until %s, want %s", got.Until.UTC(), c.until)
			}
			if c.closes == "" != got.Closes.IsZero() || c.closes != "" && !got.Closes.Equal(at(t, c.closes)) {
				t.Errorf("closes %s, want %q", got.Closes.UTC(), c.closes)
			}
		})
	}
}

func TestCap(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	ago := func(hours ...int) (list []time.Time) {
		for _, h := range hours {
			list = append(list, now.Add(-time.Duration(h)*time.Hour))
		}
		return list
	}
	for name, c := range map[string]struct {
		limit int
		times []time.Time
		wait  time.Duration
	}{
		"none yet":             {1, nil, 0},
		"below":                {3, ago(1, 2), 0},
		"one":                  {1, ago(1), 23 * time.Hour},
		"the oldest of three":  {3, ago(5, 1, 9), 15 * time.Hour},
		"one too many":         {2, ago(5, 1, 9), 19 * time.Hour},
		"one that has left":    {2, ago(1, 25), 0},
		"one that just leaves": {1, ago(24), 0},
		"what is yet to go":    {1, []time.Time{now}, 24 * time.Hour},
	} {
		got := Cap{Limit: c.limit, Window: 24 * time.Hour}.Until(c.times, now)
		if !got.Equal(now.Add(c.wait)) {
			t.Errorf("%s: %s, want in %s", name, got, c.wait)
		}
	}
	news, all := Cap{Topic: 3}, Cap{}
	if !news.Covers([]int32{1, 3}) || news.Covers([]int32{1}) || news.Covers(nil) || !all.Covers(nil) || !all.Covers([]int32{1}) {
		t.Error("covers another topic")
	}
}
