package publication

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// looked is a look so many seconds after the start.
func looked(seconds float64, settled, owed int64) Progress {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	return Progress{State: Sending, FanoutDone: true, StartedAt: &start, Now: start.Add(time.Duration(seconds * float64(time.Second))),
		Channels: []Counts{{Channel: 1, Sent: settled, Pending: owed}}}
}

// TestPaceOfASteadyRun: whenever and however often one looks, the rate is the true one.
func TestPaceOfASteadyRun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const perSecond = 100
		var pace Pace
		at := rapid.Float64Range(1, 1000).Draw(t, "first look")
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			p := looked(at, int64(at*perSecond), 5000)
			pace.Add(&p)
			if math.Abs(p.Rate()-perSecond) > 2 {
				t.Fatalf("%.1f a second after %.1f s, over %s", p.Rate(), at, p.Window)
			}
			if left, known := p.Remaining(); !known || left < 48*time.Second || left > 52*time.Second {
				t.Fatalf("%s left", left)
			}
			if len(pace.samples) > 12 {
				t.Fatalf("%d samples are kept", len(pace.samples))
			}
			at += rapid.Float64Range(0.01, 15).Draw(t, "pause")
		}
	})
}

// TestPaceForgetsWhatWasLongAgo: ten seconds after a change the rate is the new one.
func TestPaceForgetsWhatWasLongAgo(t *testing.T) {
	t.Parallel()
	var pace Pace
	var p Progress
	for second := range 101 {
		p = looked(float64(100+second), min(int64(second)*1000, 80_000), 10_000)
		pace.Add(&p)
		if second == 50 && math.Abs(p.Rate()-1000) > 0.1 {
			t.Errorf("%v a second while it runs", p.Rate())
		}
	}
	if p.Rate() != 0 {
		t.Errorf("%v a second, and it stands since twenty", p.Rate())
	}
	if left, known := p.Remaining(); known {
		t.Errorf("%s left of a run that stands", left)
	}
}

// TestPaceOfOneLook is the average since the start, and so is that of one that has ended, or was replayed just now.
func TestPaceOfOneLook(t *testing.T) {
	t.Parallel()
	var pace Pace
	p := looked(20, 500, 100)
	pace.Add(&p)
	if p.Rate() != 25 || p.Window != 20*time.Second {
		t.Errorf("%v over %s", p.Rate(), p.Window)
	}
	again := looked(30, 400, 200)
	pace.Add(&again)
	if again.Window != 30*time.Second {
		t.Errorf("a replay's rate is over %s", again.Window)
	}
	over := looked(100, 600, 0)
	ended := over.StartedAt.Add(40 * time.Second)
	over.State, over.Ended = Completed, &ended
	pace.Add(&over)
	if over.Rate() != 15 || over.Window != 40*time.Second {
		t.Errorf("in the end %v over %s", over.Rate(), over.Window)
	}
	none := Progress{State: Queued, Now: p.Now}
	new(Pace).Add(&none)
	if none.Rate() != 0 || none.Window != 0 {
		t.Errorf("before the start %v over %s", none.Rate(), none.Window)
	}
}
