package ratelimit

import (
	"time"

	"github.com/presswork/presswork/internal/allowance"
)

// lost notes that Redis did not answer. From now on this process goes by its own account, and looks in the background
// whether Redis is back: no request waits for that.
func (l *Limiter) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.alone.Swap(true) {
		return
	}
	l.options.Notice("Redis is away: this process goes by its own account of the limits")
	l.wg.Go(l.lookOut)
}

// lookOut waits until Redis answers.
func (l *Limiter) lookOut() {
	tick := time.NewTicker(awayTime)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
		}
		if l.answers() {
			l.options.Notice("Redis is back: the limits are shared again")
			l.back()
			return
		}
	}
}

// back has Redis asked again, unless the Limiter is closed.
func (l *Limiter) back() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.alone.Store(false)
	}
}

// answers looks at a bucket that nobody has, where all buckets are.
func (l *Limiter) answers() bool {
	nobody := allowance.Bucket{Policy: allowance.Policy{Name: "nobody", Units: 1, Window: time.Second}}
	_, err := l.call(l.ctx, []ask{{Bucket: nobody}})
	return err == nil
}
