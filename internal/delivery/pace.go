package delivery

import (
	"math"
	"sync/atomic"
	"time"
)

// maxWindow bounds how many recipients a connection may list at once. With two windows a connection, a
// process that dies leaves at most 2 × maxWindow × connections recipients listed.
const maxWindow = 16

// pace sizes the windows: large enough that a window takes as long to send as the next takes to be listed,
// so that slow providers have windows of one and fast ones share commits.
type pace struct {
	flush atomic.Uint64 // smoothed seconds, as float bits
	send  atomic.Uint64
}

func (p *pace) flushed(d time.Duration) { smooth(&p.flush, d) }
func (p *pace) sent(d time.Duration)    { smooth(&p.send, d) }

// window is clamp(⌈flush time ÷ send time⌉, 1, maxWindow); 4 until both are known.
func (p *pace) window() int {
	flush, send := math.Float64frombits(p.flush.Load()), math.Float64frombits(p.send.Load())
	if flush == 0 || send == 0 {
		return 4
	}
	return max(1, min(maxWindow, int(math.Ceil(flush/send))))
}

// smooth keeps an exponential average. Updates that race may be lost: it is an estimate.
func smooth(v *atomic.Uint64, d time.Duration) {
	const weight = 0.05
	old := math.Float64frombits(v.Load())
	next := d.Seconds()
	if old != 0 {
		next = old + weight*(next-old)
	}
	v.Store(math.Float64bits(next))
}
