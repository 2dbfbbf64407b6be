package sandbox

import (
	"math"
	"time"
)

// quota is how much a rate limit leaves, for the answers that say so.
type quota struct {
	limit     int           // 0 if there is no limit
	remaining int           // whole requests that may come at once
	wait      time.Duration // until the next request may come
}

// bucket is a token bucket. It is not safe for use by several goroutines.
type bucket struct {
	rate  float64 // tokens a second; 0 is no limit
	size  float64
	level float64
	at    time.Time
}

func newBucket(rate float64, burst int) bucket {
	size := float64(burst)
	if burst == 0 {
		size = math.Max(1, math.Ceil(rate))
	}
	return bucket{rate: rate, size: size, level: size}
}

// take asks for one token and says what is left either way.
func (b *bucket) take(now time.Time) (quota, bool) {
	if b.rate == 0 {
		return quota{}, true
	}
	if !b.at.IsZero() {
		b.level = math.Min(b.size, b.level+b.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	const rounding = 1e-6 // who waited as told is let through
	allowed := b.level >= 1-rounding
	if allowed {
		b.level = math.Max(0, b.level-1)
	}
	q := quota{limit: int(b.size), remaining: int(b.level)}
	if b.level < 1 {
		q.wait = time.Duration(math.Ceil((1 - b.level) / b.rate * float64(time.Second)))
	}
	return q, allowed
}

// wholeSeconds rounds a wait up to the seconds of a Retry-After header, at least one.
func wholeSeconds(wait time.Duration) int {
	return max(1, int(math.Ceil(wait.Seconds())))
}
