package budget

import (
	"errors"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// slowest is the rate that complaints do not lower further, unless the settings are lower themselves: one a second.
const slowest = 1

// sameWord is how close two requests for a pause may be to be one.
const sameWord = 200 * time.Millisecond

// throttle pauses the target for everybody as long as the provider asked for, and halves its rate. A rate that was not
// known is learned from what this process sent of late.
func (t *Target) throttle(err error) {
	var known *fault.Error
	if !errors.As(err, &known) {
		return
	}
	after := max(known.After, 100*time.Millisecond)
	now := t.budget.now()
	if until := time.Duration(t.paused.Load()); until > now && until >= now+after-sameWord {
		return // another call came back with the same word
	}
	t.mu.Lock()
	ceiling, observed := t.spec.Load().ceiling(t.quota), max(t.observed, slowest)
	least := float64(slowest)
	if ceiling > 0 {
		least = min(least, ceiling)
	}
	rate := max(least, max(t.rate, observed)/2)
	if t.rate > 0 {
		rate = max(least, t.rate/2)
	}
	t.mu.Unlock()
	if !t.budget.isAway() {
		if answer, err := t.budget.run(t.budget.ctx, throttleScript, redisKeys(t.key), after.Microseconds(), ceiling, observed, least); err == nil {
			after, rate = micros(answer, 0), float(answer, 1)
		}
	}
	t.pause(after)
	t.mu.Lock()
	t.drop()
	t.adjust(rate)
	t.mu.Unlock()
	t.wakeAll(-1)
}

func (t *Target) pause(d time.Duration) {
	until := int64(t.budget.now() + d)
	for {
		old := t.paused.Load()
		if until <= old || t.paused.CompareAndSwap(old, until) {
			return
		}
	}
}
