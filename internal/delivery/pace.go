package delivery

import (
	"math"
	"sync/atomic"
	"time"
)

// maxWindow bounds how many recipients a connection may list at once. With two windows a connection, a
// process that dies leaves at most 2 × maxWindow × connections recipients listed.
const maxWindow = 16

// windowOf is how many recipients a connection lists at once, clamp(⌈flush ÷ send⌉, 1, maxWindow): a window takes as
// long to send as the next takes to be listed, so that slow providers have windows of one and fast ones share commits.
// It is 1 until both times are known: whoever dies before the first answer of a slow provider leaves no more
// recipients uncertain than later, and a fast one is known after a moment.
func windowOf(flush, send *average) int {
	f, s := flush.seconds(), send.seconds()
	if f == 0 || s == 0 {
		return 1
	}
	return max(1, min(maxWindow, int(math.Ceil(f/s))))
}

// average is an exponential average of durations; its zero value knows none. It is safe for concurrent use. Updates
// that race may be lost: it is an estimate.
type average struct {
	bits atomic.Uint64 // seconds, as float bits
}

// seconds is 0 until something was added.
func (a *average) seconds() float64 { return math.Float64frombits(a.bits.Load()) }

func (a *average) add(d time.Duration) {
	const weight = 0.05
	next := max(d, 1).Seconds() // a clock may not see a very short one
	if old := a.seconds(); old != 0 {
		next = old + weight*(next-old)
	}
	a.bits.Store(math.Float64bits(next))
}
