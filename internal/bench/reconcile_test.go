package bench

import (
	"testing"
	"time"
)

// What comes in hand goes on for a while, then nothing, then all is as before.
func TestBreaks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ stops, goes, want time.Duration }{
		"never":         {0, 0, 0},
		"a moment":      {2 * time.Second, 2*time.Second + 100*time.Millisecond, 0},
		"three seconds": {2 * time.Second, 5 * time.Second, 5200 * time.Millisecond},
	} {
		b := breaks{rate: 500, steady: 4 * time.Second}
		var received int64
		now := time.Duration(0)
		for ; !b.look(now, received); now += lookPeriod {
			if now < tc.stops || now >= tc.goes {
				received += int64(1000 * lookPeriod.Seconds())
			}
			if now > time.Minute {
				t.Fatalf("%s: no end", name)
			}
		}
		if d := b.last - tc.want; d < -lookPeriod || d > lookPeriod || now-b.last < b.steady {
			t.Errorf("%s: went on at %v, seen at %v", name, b.last, now)
		}
	}
}
