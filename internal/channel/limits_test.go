package channel_test

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

func with(settings ...string) channel.Channel {
	c := channel.Channel{Kind: channel.Email, Settings: map[string]string{}}
	for i := 0; i < len(settings); i += 2 {
		c.Settings[settings[i]] = settings[i+1]
	}
	return c
}

func TestLimits(t *testing.T) {
	t.Parallel()
	if l := with("rate", "14.5", "fallback", "other").Limits(); l.PerSecond != 14.5 || l.Fallback != "other" || l.PerDay(time.Now()) != 0 {
		t.Errorf("%+v", l)
	}
	for _, bad := range []string{"", "0", "-1", "NaN", "Inf", "1e9", "fast"} {
		if l := with("rate", bad).Limits(); l.PerSecond != 0 {
			t.Errorf("%q is a rate of %v", bad, l.PerSecond)
		}
	}
}

func TestWarmUpPlan(t *testing.T) {
	t.Parallel()
	first := time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)
	doubling, own := with("warmup_start", "2030-01-31").Limits(), with("warmup_start", "2030-01-31", "warmup_plan", "10, 20").Limits()
	for _, c := range []struct {
		at            time.Time
		doubling, own int
	}{
		{first.Add(-time.Hour), 50, 10}, {first, 50, 10}, {first.Add(24*time.Hour - 1), 50, 10}, {first.Add(24 * time.Hour), 100, 20},
		{first.Add(48 * time.Hour), 200, 0}, {first.AddDate(0, 0, 13), 409_600, 0}, {first.AddDate(0, 0, 14), 0, 0},
	} {
		if a, b := doubling.PerDay(c.at), own.PerDay(c.at); a != c.doubling || b != c.own {
			t.Errorf("%s: %d and %d, want %d and %d", c.at, a, b, c.doubling, c.own)
		}
	}
}

func TestCommonSettings(t *testing.T) {
	t.Parallel()
	r := channel.NewRegistry(nil, channel.Provider{Name: "p", Kinds: []channel.Kind{channel.Email}},
		channel.Provider{Name: "chat", Kinds: []channel.Kind{channel.Slack}})
	for _, c := range []struct{ name, value, problem string }{
		{"rate", "0.5", ""}, {"rate", "0", "/settings/rate"}, {"warmup_start", "2030-01-31", ""}, {"warmup_start", "soon", "/settings/warmup_start"},
		{"warmup_plan", "10,20", ""}, {"warmup_plan", "10,0", "/settings/warmup_plan"}, {"fallback", "x", ""}, {"speed", "1", "/settings/speed"},
	} {
		one := with(c.name, c.value)
		one.Provider, one.Name = "p", "mail"
		if got := pointerOf(r.Check(one)); got != c.problem {
			t.Errorf("%s=%s: a problem with %q, want %q", c.name, c.value, got, c.problem)
		}
	}
	post := with("warmup_start", "2030-01-31")
	post.Provider, post.Name, post.Kind = "chat", "chat", channel.Slack
	if r.Check(post) == nil {
		t.Error("a place has a warm-up")
	}
}

// pointerOf is the first field that an Invalid error names.
func pointerOf(err error) string {
	if f, ok := err.(*fault.Error); ok && len(f.Fields) > 0 { //nolint:errorlint // as Check returns it
		return f.Fields[0].Pointer
	}
	return ""
}

func TestCheckFallback(t *testing.T) {
	t.Parallel()
	named := func(id int64, kind channel.Kind, name, fallback string) channel.Channel {
		c := with("fallback", fallback)
		c.ID, c.Kind, c.Name = id, kind, name
		return c
	}
	others := []channel.Channel{
		named(1, channel.Email, "a", "b"), named(2, channel.Email, "b", ""), named(3, channel.Slack, "s", ""), named(4, channel.Email, "d", "gone"),
	}
	for _, c := range []struct {
		of channel.Channel
		ok bool
	}{
		{named(1, channel.Email, "a", "b"), true}, {named(1, channel.Email, "a", ""), true}, {named(1, channel.Email, "a", "a"), false},
		{named(2, channel.Email, "b", "a"), false}, {named(2, channel.Email, "b", "s"), false}, {named(2, channel.Email, "b", "none"), false},
		{named(0, channel.Email, "new", "a"), true}, {named(0, channel.Email, "new", "new"), false}, {named(2, channel.Email, "b", "d"), true},
		{named(2, channel.Email, "renamed", "a"), true},
	} {
		if err := channel.CheckFallback(c.of, others); (err == nil) != c.ok {
			t.Errorf("%s by %s: %v", c.of.Name, c.of.Settings["fallback"], err)
		}
	}
}
