package budget

import (
	"math"
	"time"
)

// share is a bucket of this process's own, for while Redis is away: its part of the rate, by the number of processes
// that were last seen, with a burst of one tenth of a second.
type share struct {
	tokens float64
	at     time.Duration // 0: not in use
	used   int           // of the day's number
}

func (s *share) reset() { *s = share{} }

// take takes up to n, at a rate of messages a second and at most so many; 0 means none such.
func (s *share) take(now time.Duration, rate float64, most, n int) (granted int, wait time.Duration, why string) {
	granted = n
	if rate > 0 {
		burst := max(1, rate*ahead.Seconds())
		if s.at == 0 {
			s.at = now
		}
		s.tokens = math.Min(burst, s.tokens+(now-s.at).Seconds()*rate)
		s.at = now
		granted = min(n, int(s.tokens))
		if granted == 0 {
			return 0, seconds((1 - s.tokens) / rate), "rate"
		}
	}
	if most > 0 {
		if granted = min(granted, most-s.used); granted <= 0 {
			return 0, longestDay, whyDay
		}
	}
	s.tokens -= float64(granted)
	s.used += granted
	return granted, 0, ""
}
