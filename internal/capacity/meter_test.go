package capacity

import (
	"math"
	"testing"
	"time"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6+b*0.02 }

func TestMeter(t *testing.T) {
	t.Parallel()
	m := NewMeter(func(string) int { return 10 })
	for range 50 {
		m.Call("email", 100*time.Millisecond)
	}
	got := m.Measure(time.Second) // 5 s of calls, ten at once, in a second
	if c := got.Costs["email"]; !near(c.Seconds, 0.1) || !near(c.Share, 0.01) || !near(c.Worker, 0.01) || !near(got.Busy, 0.5) || got.PerSecond != 50 {
		t.Errorf("a slow provider: %+v", got)
	}
	if got = m.Measure(time.Second); got.Busy != 0 || got.PerSecond != 0 || len(got.Costs) != 0 {
		t.Errorf("nothing was done: %+v", got)
	}
}

// TestMeterSeesWhatElseTakesTime: calls are fast, and tasks hold the slots all the time.
func TestMeterSeesWhatElseTakesTime(t *testing.T) {
	t.Parallel()
	m := NewMeter(func(string) int { return 100 })
	for range 1000 {
		m.Call("email", time.Millisecond)
	}
	for range 10 {
		m.Begin()
	}
	if m.Running() != 10 {
		t.Errorf("%d run", m.Running())
	}
	for range 10 {
		m.End("email", true, time.Second, 10)
	}
	got := m.Measure(time.Second)
	if c := got.Costs["email"]; !near(c.Share, 0.00001) || !near(c.Worker, 0.001) || !near(got.Busy, 1) || m.Running() != 0 {
		t.Errorf("%+v, %d run", got, m.Running())
	}
}

func TestMeterForgets(t *testing.T) {
	t.Parallel()
	m := NewMeter(func(string) int { return 1 })
	for range 100 {
		m.Begin()
		m.End("render", false, time.Second, 8)
		m.Measure(5 * time.Second)
	}
	var got Measured
	for range 100 {
		m.Begin()
		m.End("render", false, 2*time.Second, 8)
		got = m.Measure(5 * time.Second)
	}
	if c := got.Costs["render"]; !near(c.Seconds, 2) || got.PerSecond != 0.2 {
		t.Errorf("%+v", got)
	}
}
