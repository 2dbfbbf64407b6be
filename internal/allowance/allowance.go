// Package allowance is the arithmetic of a token bucket: so many units in so much time, all of which may be used at
// once, and which come back evenly. It knows no clock and no Redis; internal/ratelimit has both.
//
// The state of a bucket is one moment: when it will be whole again if nobody uses it. That is the generic cell rate
// algorithm (ITU-T I.371, annex A) with a tolerance of the whole window.
package allowance

import (
	"math"
	"time"
)

// Policy is an allowance by its name: Units in Window. Both are more than 0, and Units at most 1,000,000,000.
type Policy struct {
	// Name is what clients see of it: "address". It needs no escaping in a header.
	Name   string
	Units  int
	Window time.Duration
}

// Bucket is the allowance of one client.
type Bucket struct {
	Policy
	// Key tells this client's bucket from those of others under the same policy.
	Key string
}

// slack makes up for what is lost in rounding, to whole nanoseconds here and to microseconds in Redis.
const slack = time.Microsecond

// each is the time that a unit takes to come back, in nanoseconds.
func (p Policy) each() float64 { return float64(p.Window) / float64(p.Units) }

// Left is how many units a bucket has that is whole again at full. Both times are by one clock of the caller's.
func (p Policy) Left(full, now time.Duration) int {
	owed := max(full-now, 0)
	return max(int(float64(p.Window-owed+slack)/p.each()), 0)
}

// After is when the bucket is whole again once n more units were taken.
func (p Policy) After(full, now time.Duration, n int) time.Duration {
	return max(full, now) + time.Duration(math.Ceil(float64(n)*p.each()))
}

// Cost is what a request costs that wants n units: no more than the whole bucket, since nobody could ever pay that.
func (p Policy) Cost(n int) int { return min(n, p.Units) }

// Verdict is what became of a request.
type Verdict struct {
	Allowed bool
	// Policy is the strictest of those that were asked: one that refused, or else the one with the fewest units left.
	Policy Policy
	// Remaining is how many units are left of it.
	Remaining int
	// Reset is how long it takes until it is whole again, if nobody uses it.
	Reset time.Duration
	// RetryAfter is after how long the same request would be allowed; 0 if it was.
	RetryAfter time.Duration
}

// Judge is the verdict on a request of n units more, on a bucket that was whole again at full and has extra units
// beside. It takes nothing.
func (p Policy) Judge(full, now time.Duration, n, extra int) Verdict {
	left := p.Left(full, now)
	v := Verdict{Allowed: n <= left, Policy: p, Remaining: left + extra, Reset: max(full-now, 0)}
	if v.Allowed {
		v.Remaining -= n
		v.Reset = max(p.After(full, now, n)-now, 0)
		return v
	}
	v.RetryAfter = max(p.After(full, now, n)-now-p.Window, slack)
	return v
}

// Stricter is the one of two verdicts on a request that the client has to know.
func (v Verdict) Stricter(other Verdict) Verdict {
	switch {
	case v.Policy.Name == "":
		return other
	case other.Policy.Name == "":
		return v
	case v.Allowed != other.Allowed:
		if v.Allowed {
			return other
		}
		return v
	case !v.Allowed && other.RetryAfter > v.RetryAfter, v.Allowed && other.Remaining < v.Remaining:
		return other
	default:
		return v
	}
}
