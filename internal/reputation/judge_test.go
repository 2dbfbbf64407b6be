package reputation

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
)

func usual() Policy {
	return Policy{SoftBounces: 5, SoftDays: 3, MinSample: 100, MaxBounces: 0.05, MaxComplaints: 0.001, Pause: true}
}

func TestExceeds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		counts             Counts
		bounces, complains bool
	}{
		"nothing":                         {Counts{}, false, false},
		"all of a few bounce":             {Counts{Bounced: 99}, false, false},
		"all of a hundred bounce":         {Counts{Bounced: 100}, true, false},
		"at the limit":                    {Counts{Delivered: 95_000, Bounced: 5_000}, false, false},
		"twelve of a hundred":             {Counts{Delivered: 88, Bounced: 12}, false, false},
		"fourteen of a hundred":           {Counts{Delivered: 86, Bounced: 14}, true, false},
		"a little more of very many":      {Counts{Delivered: 948_500, Bounced: 51_500}, true, false},
		"one complains of a hundred":      {Counts{Delivered: 100, Complained: 1}, false, false},
		"two complain of a hundred":       {Counts{Delivered: 100, Complained: 2}, false, false},
		"three complain of a hundred":     {Counts{Delivered: 100, Complained: 3}, false, true},
		"twenty-four complain of 10,000":  {Counts{Delivered: 10_000, Complained: 24}, false, true},
		"twelve complain of 10,000":       {Counts{Delivered: 10_000, Complained: 12}, false, false},
		"more complain than is delivered": {Counts{Delivered: 1, Complained: 200}, false, true},
		"soft bounces say nothing":        {Counts{Delivered: 1000, SoftBounced: 1000}, false, false},
	} {
		if got := usual().Exceeds(Bounces, c.counts); got != c.bounces {
			t.Errorf("%s: %v by bounces", name, got)
		}
		if got := usual().Exceeds(Complaints, c.counts); got != c.complains {
			t.Errorf("%s: %v by complaints", name, got)
		}
	}
}

// TestAsMany is what adding up all terms says.
func TestAsMany(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 150).Draw(t, "n")
		k := rapid.Int64Range(0, n).Draw(t, "k")
		p := rapid.Float64Range(0.0005, 0.9).Draw(t, "p")
		want, choose := 0.0, 1.0
		for i := int64(0); i <= n; i++ {
			if i >= k {
				want += choose * math.Pow(p, float64(i)) * math.Pow(1-p, float64(n-i))
			}
			choose *= float64(n-i) / float64(i+1)
		}
		got := asMany(k, n, p)
		if float64(k) <= float64(n)*p {
			if got != 1 {
				t.Fatalf("%g of what is to be expected", got)
			}
		} else if math.Abs(got-want) > 1e-9+1e-6*want {
			t.Fatalf("%g, adding up gives %g", got, want)
		}
	})
}

// TestFewAreStoppedByChance: of publications at the very limit, looked at after each 100 of 20,000 mails, hardly any are
// taken for worse; of those with twice the limit most are.
func TestFewAreStoppedByChance(t *testing.T) {
	t.Parallel()
	const runs, mails, look = 1000, 20_000, 100
	stopped := func(cause Cause, rate float64) (n int) {
		p := usual()
		random := rand.New(rand.NewPCG(1, uint64(rate*1e6))) //nolint:gosec // a simulation
		for range runs {
			var c Counts
			for i := range mails {
				switch bad := random.Float64() < rate; {
				case bad && cause == Bounces:
					c.Bounced++
				case bad:
					c.Delivered, c.Complained = c.Delivered+1, c.Complained+1
				default:
					c.Delivered++
				}
				if (i+1)%look == 0 && p.Exceeds(cause, c) {
					n++
					break
				}
			}
		}
		return n
	}
	for _, cause := range Causes() {
		limit := usual().Limit(cause)
		fair, bad := stopped(cause, limit), stopped(cause, 2*limit)
		t.Logf("%s: %d of %d at the limit were stopped, %d at twice the limit", cause, fair, runs, bad)
		if fair > runs*3/100 || bad < runs*80/100 {
			t.Errorf("%s: %d of %d at the limit, %d at twice the limit", cause, fair, runs, bad)
		}
	}
}

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	if _, err := usual().Check(); err != nil {
		t.Error(err)
	}
	for pointer, change := range map[string]func(*Policy){
		"/soft_bounces":       func(p *Policy) { p.SoftBounces = 101 },
		"/soft_days":          func(p *Policy) { p.SoftDays = -1 },
		"/min_sample":         func(p *Policy) { p.MinSample = 9 },
		"/max_bounce_rate":    func(p *Policy) { p.MaxBounces = 0 },
		"/max_complaint_rate": func(p *Policy) { p.MaxComplaints = math.NaN() },
	} {
		p := usual()
		change(&p)
		if _, err := p.Check(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", pointer, err)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		paused Paused
		limit  float64
		want   string
	}{
		{Paused{Cause: Bounces, Bad: 140, Judged: 1000}, 0.05, "Paused: 140 of 1000 mails (14 %) bounced for good, more than 5 %. Resume it to accept that."},
		{Paused{Cause: Complaints, Bad: 24, Judged: 10_000}, 0.001, "Paused: 24 of 10000 mails (0.24 %) were called spam, more than 0.1 %. Resume it to accept that."},
	} {
		if got := c.paused.Text(c.limit); got != c.want {
			t.Errorf("%q", got)
		}
	}
	if got := (Counts{Delivered: 9, Bounced: 1}).Less(Counts{Delivered: 4}); got != (Counts{Delivered: 5, Bounced: 1}) || got.Rate(Bounces) != 1.0/6 || (Counts{}).Rate(Complaints) != 0 {
		t.Errorf("%+v", got)
	}
}
