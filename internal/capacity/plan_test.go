package capacity

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// mail is a pool of one queue, with room.
func mail(least, most int) Pool {
	return Pool{Name: "mail", Queues: []string{"email"}, Min: least, Max: most}
}

func settings(p Pool) Settings {
	return Settings{Pools: []Pool{p}, Objective: time.Minute, Stable: 2 * time.Minute, DatabasePool: 10}
}

// send is work of which a worker does 100 a second, with calls of 100 ms: ten at once.
func send(state State, units float64) Load {
	return Load{
		Work:  []Work{{Queue: "email", Kind: "email", State: state, Units: units, Age: 3 * time.Second}},
		Costs: map[string]Cost{"email": {Seconds: 0.1, Share: 0.01, Worker: 0.01}},
	}
}

// with adds so many workers of the pool's.
func (l Load) with(n int, busy float64) Load {
	for range n {
		l.Workers = append(l.Workers, Worker{Queues: []string{"critical", "email"}, Busy: busy, PerSecond: 100 * busy, DatabasePool: 10, DatabaseOpen: 4})
	}
	return l
}

func (l Load) at(rate float64) Load { l.Rates = map[string]float64{"email": rate}; return l }

func (l Load) room(connections, inUse int) Load {
	l.Connections, l.InUse = connections, inUse
	return l
}

func TestAssess(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		load   Load
		pool   Pool
		wanted int
		limit  string
	}{
		"nothing, none":                      {send(Ready, 0), mail(0, 10), 0, ByNothing},
		"nothing, at least one":              {send(Ready, 0), mail(1, 10), 1, ByNothing},
		"one reader wakes the pool":          {send(Ready, 1), mail(0, 10), 1, ByWorkers},
		"who is in hand counts":              {send(Running, 1), mail(0, 10), 1, ByWorkers},
		"what is due soon counts":            {send(Soon, 12_001), mail(0, 10), 3, ByWorkers},
		"what is not expanded counts":        {send(Unexpanded, 12_000), mail(0, 10), 2, ByWorkers},
		"what failed and is due soon":        {send(Retrying, 12_000), mail(0, 10), 2, ByWorkers},
		"what is put off does not":           {send(Later, 12_000), mail(0, 10), 0, ByNothing},
		"nor what is paused":                 {send(Paused, 12_000), mail(0, 10), 0, ByPause},
		"within the objective":               {send(Ready, 6000).with(1, 1), mail(0, 10), 1, ByNothing},
		"hardly longer":                      {send(Ready, 6500).with(1, 1), mail(0, 10), 1, ByNothing},
		"longer":                             {send(Ready, 6700).with(1, 1), mail(0, 10), 2, ByWorkers},
		"no more than the most":              {send(Ready, 1e6), mail(0, 10), 10, ByWorkers},
		"busy ones are kept":                 {send(Ready, 10).with(3, 0.7), mail(0, 10), 3, ByNothing},
		"idle ones are not":                  {send(Ready, 10).with(3, 0.2), mail(0, 10), 1, ByNothing},
		"one that only keeps itself":         {send(Ready, 0).with(1, 0.01), mail(0, 10), 0, ByNothing},
		"the provider's rate, fully used":    {send(Ready, 1e6).with(1, 1).at(14), mail(0, 10), 1, ByProvider},
		"the rate leaves room":               {send(Ready, 1e6).at(250), mail(0, 10), 3, ByProvider},
		"the rate is no matter":              {send(Ready, 12_000).at(1000), mail(0, 10), 2, ByWorkers},
		"a provider that takes nothing":      {send(Ready, 1e6).with(4, 1).at(0), mail(0, 10), 1, ByProvider},
		"workers wait for their provider":    {send(Ready, 1e6).with(8, 1).at(14), mail(0, 10), 1, ByProvider},
		"the database has room for two":      {send(Ready, 1e6).room(100, 61), mail(0, 10), 2, ByDatabase},
		"and none for more than there are":   {send(Ready, 1e6).with(3, 1).room(100, 99), mail(0, 10), 3, ByDatabase},
		"the database has room":              {send(Ready, 12_000).room(100, 20), mail(0, 10), 2, ByWorkers},
		"one is always let":                  {send(Ready, 1e6).room(50, 50), mail(0, 10), 1, ByDatabase},
		"the least goes before the room":     {send(Ready, 1e6).room(50, 50), mail(4, 10), 4, ByDatabase},
		"who drains is no replica":           {Load{Workers: []Worker{{Queues: []string{"email"}, Draining: true, Busy: 1}}}, mail(0, 10), 0, ByNothing},
		"who does not serve it is none":      {Load{Workers: []Worker{{Queues: []string{"slack"}, Busy: 1}}}, mail(0, 10), 0, ByNothing},
		"nothing was ever measured":          {Load{Work: []Work{{Queue: "email", Kind: "email", Units: 90_000}}}, mail(0, 10), 2, ByWorkers},
		"another pool's work is not counted": {Load{Work: []Work{{Queue: "slack", Kind: "slack", Units: 90_000}}}, mail(0, 10), 0, ByNothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.load.assess(tc.pool, settings(tc.pool))
			if s.Wanted != tc.wanted || s.LimitedBy != tc.limit {
				t.Errorf("%d by %s, want %d by %s: %+v", s.Wanted, s.LimitedBy, tc.wanted, tc.limit, s)
			}
		})
	}
}

func TestStatusSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	l := send(Ready, 10).with(2, 0.5).at(1)
	l.Work = append(l.Work, Work{Queue: "email", Kind: "email", State: Paused, Units: 7, Age: time.Hour}, Work{Queue: "email", Kind: "render", State: Running, Units: 0.2})
	l.Tasks = map[string]Tasks{"email": {Pending: 1, Retry: 2}, "slack": {Pending: 9}}
	s := l.assess(mail(0, 5), settings(mail(0, 5)))
	if s.Ready != 10 || s.Paused != 7 || s.Running != 1 || s.OldestAge != 3 || s.Replicas != 2 || s.Throughput != 100 ||
		*s.Tasks != (Tasks{Pending: 1, Retry: 2}) || s.Backlog != 10 || math.Abs(s.ServiceTime-0.098) > 0.001 {
		t.Errorf("%+v %+v", s, s.Tasks)
	}
}

func TestSettleHoldsTheMostOfAWhile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ wanted, most, affordable, max, min, desired int }{
		{1, 4, 100, 10, 0, 4},
		{4, 1, 100, 10, 0, 4},
		{1, 9, 3, 10, 0, 3},
		{1, 9, 100, 5, 0, 5},
		{2, 9, 1, 5, 2, 2},
	} {
		s := Status{Wanted: tc.wanted, Max: tc.max, Min: tc.min}
		s.settle(tc.most, tc.affordable)
		if s.Desired != tc.desired {
			t.Errorf("%+v: %d", tc, s.Desired)
		}
	}
}

// anyLoad is whatever may be read.
func anyLoad(t *rapid.T) (Load, Pool) {
	number := rapid.Float64Range(1, 1e7)
	l := Load{Costs: map[string]Cost{}, Connections: rapid.IntRange(0, 500).Draw(t, "connections"), InUse: rapid.IntRange(0, 500).Draw(t, "in use")}
	for _, kind := range []string{"email", "slack", "render"} {
		l.Work = append(l.Work, Work{Queue: "email", Kind: kind, State: State(rapid.IntRange(0, int(states)-1).Draw(t, "state")), Units: number.Draw(t, "units")})
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		l.Costs[kind] = Cost{Seconds: 10 * share, Share: share, Worker: share * rapid.Float64Range(1, 5).Draw(t, "more")}
	}
	if rapid.Bool().Draw(t, "limited") {
		l.Rates = map[string]float64{"email": rapid.Float64Range(0, 1e4).Draw(t, "rate")}
	}
	l = l.with(rapid.IntRange(0, 30).Draw(t, "live"), rapid.Float64Range(0, 1).Draw(t, "busy"))
	least := rapid.IntRange(0, 5).Draw(t, "least")
	return l, mail(least, least+rapid.IntRange(1, 50).Draw(t, "more replicas"))
}

func TestPlansKeepTheirBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, p := anyLoad(t)
		s := settings(p)
		n, st := l.need(p, s.Objective), l.assess(p, s)
		switch {
		case st.Wanted < p.Min || st.Wanted > p.Max:
			t.Fatalf("%d of %d to %d", st.Wanted, p.Min, p.Max)
		case n.owed > 0 && st.Wanted < 1:
			t.Fatal("none, and something is owed")
		case st.Wanted > max(l.affordable(p, st.Replicas, s), p.Min):
			t.Fatalf("%d, more than the database affords", st.Wanted)
		case n.owed > 0 && float64(st.Wanted) > max(n.usable+1, float64(p.Min), float64(st.Replicas)*(1+tolerance)):
			t.Fatalf("%d, and providers can use %f", st.Wanted, n.usable)
		case math.IsNaN(st.Backlog) || math.IsInf(st.Backlog, 0) || math.IsNaN(st.ServiceTime):
			t.Fatalf("no numbers: %+v", st)
		}
	})
}

func TestMoreWorkNeverNeedsFewer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, p := anyLoad(t)
		i := rapid.IntRange(0, len(l.Work)-1).Draw(t, "which")
		before := l.assess(p, settings(p)).Wanted
		l.Work[i].Units *= 1 + rapid.Float64Range(0, 10).Draw(t, "more")
		if after := l.assess(p, settings(p)).Wanted; after < before {
			t.Fatalf("%d, then %d for more work", before, after)
		}
	})
}

// TestBacklogIsANumber however slow the provider is: JSON knows no infinity.
func TestBacklogIsANumber(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0, 5e-324, 1e-6, 1e-3} {
		l := send(Ready, 1e7)
		l.Rates = map[string]float64{"email": rate}
		if s := l.assess(mail(0, 5), settings(mail(0, 5))); math.IsInf(s.Backlog, 0) || s.Backlog < stopped {
			t.Errorf("%g messages a second: %g seconds", rate, s.Backlog)
		}
	}
}
