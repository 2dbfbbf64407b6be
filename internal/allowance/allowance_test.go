package allowance

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestABucketIsUsedUpAndComesBack(t *testing.T) {
	t.Parallel()
	p := Policy{Name: "address", Units: 100, Window: time.Minute}
	full, now := time.Duration(0), time.Hour
	for i := range 100 {
		v := p.Judge(full, now, 1, 0)
		if !v.Allowed || v.Remaining != 99-i || v.RetryAfter != 0 {
			t.Fatalf("request %d: %+v", i, v)
		}
		full = p.After(full, now, 1)
	}
	if v := p.Judge(full, now, 1, 0); v.Allowed || v.Remaining != 0 || v.RetryAfter != 600*time.Millisecond || v.Reset != time.Minute {
		t.Errorf("the one over: %+v", v)
	}
	if v := p.Judge(full, now, 10, 0); v.Allowed || v.RetryAfter != 6*time.Second {
		t.Errorf("ten at once: %+v", v)
	}
	if v := p.Judge(full, now+600*time.Millisecond, 1, 0); !v.Allowed {
		t.Errorf("after the wait that was asked for: %+v", v)
	}
	if v := p.Judge(full, now+time.Hour, 1, 0); !v.Allowed || v.Remaining != 99 {
		t.Errorf("after a long time it is whole, and no more: %+v", v)
	}
	if p.Cost(3) != 3 || p.Cost(1000) != 100 {
		t.Error("a request costs more than there can be")
	}
}

func TestTheStricterVerdictIsTold(t *testing.T) {
	t.Parallel()
	allowed := func(name string, left int) Verdict {
		return Verdict{Allowed: true, Policy: Policy{Name: name}, Remaining: left}
	}
	refused := func(name string, wait time.Duration) Verdict {
		return Verdict{Policy: Policy{Name: name}, RetryAfter: wait}
	}
	for name, tc := range map[string]struct{ a, b Verdict }{
		"fewer left":      {allowed("want", 1), allowed("other", 2)},
		"refused":         {refused("want", 1), allowed("other", 0)},
		"refused longer":  {refused("want", 2), refused("other", 1)},
		"nothing to rule": {allowed("want", 1), Verdict{}},
	} {
		if got := tc.a.Stricter(tc.b).Policy.Name; got != "want" {
			t.Errorf("%s: %q", name, got)
		}
		if got := tc.b.Stricter(tc.a).Policy.Name; got != "want" {
			t.Errorf("%s, the other way around: %q", name, got)
		}
	}
}

// TestNeverMoreThanAllowed: in any time t at most units × (1 + t ÷ window) are let through, whoever asks when; and who
// waits as long as they are told gets what they asked for.
func TestNeverMoreThanAllowed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Name: "p", Units: rapid.IntRange(1, 5000).Draw(t, "units"),
			Window: time.Duration(rapid.IntRange(1, 7200).Draw(t, "seconds")) * time.Second}
		now, full, taken := time.Duration(0), time.Duration(0), 0
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now += time.Duration(rapid.Int64Range(0, int64(p.Window)/8).Draw(t, "pause"))
			n := p.Cost(rapid.IntRange(1, 50).Draw(t, "cost"))
			v := p.Judge(full, now, n, 0)
			if !v.Allowed {
				if later := p.Judge(full, now+v.RetryAfter, n, 0); !later.Allowed {
					t.Fatalf("told to wait %v, then %+v", v.RetryAfter, later)
				}
				continue
			}
			full = p.After(full, now, n)
			taken += n
			most := float64(p.Units)*(1+float64(now)/float64(p.Window)) + 1e-3*float64(p.Units)
			if float64(taken) > most {
				t.Fatalf("%d were let through by %v, at most %f may be", taken, now, most)
			}
		}
	})
}
