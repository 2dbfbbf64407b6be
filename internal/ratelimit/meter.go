package ratelimit

import (
	"time"

	"github.com/presswork/presswork/internal/allowance"
)

// meter is what this process knows of one bucket. Times are by Limiter.now.
type meter struct {
	// full is when the bucket is whole again, at the earliest: others may have taken more. While Redis is away it is
	// this process's own account.
	full time.Duration
	// held is what was taken ahead, good until then.
	held  int
	until time.Duration
	// used is what was used since, before what was used in the tenth of a second before that.
	used, before int
	since        time.Duration
	// fetching: somebody takes ahead already.
	fetching bool
	// spared is until when Limiter.Empty says no.
	spared time.Duration
}

// inHand is what is left of what was taken ahead.
func (m *meter) inHand(now time.Duration) int {
	if now >= m.until {
		m.held = 0
	}
	return m.held
}

// demand counts n units more, and is how many were used in the last tenth of a second.
func (m *meter) demand(now time.Duration, n int) int {
	switch past := now - m.since; {
	case past >= 2*demandTime:
		m.before, m.used, m.since = 0, 0, now
	case past >= demandTime:
		m.before, m.used, m.since = m.used, 0, now
	}
	m.used += n
	return m.before
}

// take takes what is in hand for the request, and says what else would be good to have.
func (a *ask) take(now time.Duration) {
	m := a.meter
	m.held -= a.inHand
	demand := m.demand(now, a.inHand+a.need)
	if a.need > 0 && a.Units >= aheadLeast && !m.fetching {
		a.ahead = min(demand, a.Units/aheadPart)
		m.fetching = a.ahead > 0
	}
}

// generation bounds each of the two generations of meters: some 6 MB each.
const generation = 32768

type meterKey struct{ policy, key string }

// meters are those in use. When the young generation is full it becomes the old one, which is forgotten: what is in use
// comes back from there. With Redis away, a client who was forgotten begins anew.
type meters struct{ young, old map[meterKey]*meter }

// known is a bucket's meter, if there is one.
func (s *meters) known(b allowance.Bucket) (*meter, bool) {
	key := meterKey{b.Name, b.Key}
	m, ok := s.young[key]
	if !ok {
		if m, ok = s.old[key]; ok {
			s.keep(key, m)
		}
	}
	return m, ok
}

// of is a bucket's meter.
func (s *meters) of(b allowance.Bucket) *meter {
	m, ok := s.known(b)
	if !ok {
		m = &meter{}
		s.keep(meterKey{b.Name, b.Key}, m)
	}
	return m
}

func (s *meters) keep(key meterKey, m *meter) {
	if s.young == nil || len(s.young) >= generation {
		s.old, s.young = s.young, make(map[meterKey]*meter)
	}
	s.young[key] = m
}
