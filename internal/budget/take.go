package budget

import (
	"context"
	"math"
	"time"
)

const (
	// ahead is for how long a process takes tokens at once: at 5,000 a second that is 500, and ten calls to Redis.
	ahead = 100 * time.Millisecond
	// tokenLife is how long they are good: a process that could not use them does not add them to a later second's.
	tokenLife = 500 * time.Millisecond
	// whyDay is takeScript's word for a day's number that is used up.
	whyDay = "day"
	// atOnce is how many a process takes at once where nothing but a day's number limits it.
	atOnce = 100
)

// reserve is the share of the bucket that a lane leaves to more urgent ones: when a bulk run takes all there is, the
// bucket stays at 30 %, and those are there at once for whoever is urgent. A publication has but one lane: left to nobody,
// 30 % of its ten seconds would only be a late start.
func (s spec) reserve(lane int) float64 {
	if !s.breaks {
		return 0
	}
	return [laneCount]float64{0, 0.15, 0.3}[lane]
}

// poke has the taker look again.
func (t *Target) poke() {
	select {
	case t.wanted <- struct{}{}:
	default:
	}
}

// take has tokens taken in the background, with the lock held.
func (t *Target) take() {
	if t.taking {
		t.poke()
		return
	}
	// goes takes the budget's lock; nobody who holds that takes a target's.
	t.taking = t.budget.goes(t.takeWhileWanted)
}

// takeWhileWanted takes tokens while batches are short of them.
func (t *Target) takeWhileWanted() {
	for {
		lane, n, wait, going := t.next()
		if !going {
			return
		}
		if n > 0 {
			t.fetch(lane, n)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-t.budget.ctx.Done():
		case <-t.wanted:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next is what to take now, and for the most urgent lane that is short and not held; n = 0: nothing for a while. It is
// over when no batch is in hand.
func (t *Target) next() (lane, n int, wait time.Duration, going bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.passes) == 0 || t.budget.ctx.Err() != nil {
		t.taking = false
		for lane := range t.lanes {
			t.lanes[lane].short = false
		}
		return 0, 0, 0, false
	}
	now := t.budget.now()
	wait = time.Second
	for lane := range t.lanes {
		h := &t.lanes[lane]
		if !h.short {
			continue
		}
		if h.until > now {
			wait = min(wait, h.until-now)
			continue
		}
		left := 0
		for p := range t.passes {
			if p.lane == lane {
				left += p.left
			}
		}
		h.short = false
		if now < t.expires {
			left -= t.tokens // these are there for them
		}
		if left <= 0 {
			continue
		}
		chunk := atOnce
		if t.rate > 0 {
			chunk = max(1, int(math.Ceil(t.rate*ahead.Seconds())))
		}
		return lane, min(left, chunk), 0, true
	}
	return 0, 0, wait, true
}

// fetch takes n tokens for a lane, of Redis, or of this process's share while that is away.
func (t *Target) fetch(lane, n int) {
	granted, wait, why := t.shared(lane, n)
	if why == whyDay {
		wait = min(wait, longestDay) // others may give back what was for nobody
	}
	t.mu.Lock()
	h := &t.lanes[lane]
	now := t.budget.now()
	if granted == 0 {
		h.short, h.until, h.why = true, now+wait, why
	} else {
		h.until = 0
		if now >= t.expires {
			t.drop()
		}
		t.tokens += granted
		t.expires = now + tokenLife
	}
	over := wait > worthASlot
	t.mu.Unlock()
	if granted > 0 {
		t.wakeAll(granted)
	} else if over {
		t.wakeAll(-1) // they need not wait here
	}
}

func (t *Target) shared(lane, n int) (granted int, wait time.Duration, why string) {
	s := t.spec.Load()
	t.mu.Lock()
	if t.budget.now() >= t.expires {
		t.drop() // what it gives back may be all that is left of a day's number
	}
	ceiling, void, day := s.ceiling(t.quota), t.void, t.day
	t.void = 0
	t.mu.Unlock()
	most := s.perDay(time.Now())
	if !t.budget.isAway() {
		answer, err := t.budget.run(context.WithoutCancel(t.budget.ctx), takeScript, redisKeys(t.key),
			ceiling, s.rate.Burst, s.reserve(lane), n, most, t.budget.options.Process, void, day)
		if err == nil {
			t.mu.Lock()
			t.workers, t.day = int(number(answer, 3)), number(answer, 5)
			t.adjust(float(answer, 4))
			t.share.reset()
			t.mu.Unlock()
			why, _ = answer[2].(string)
			return int(number(answer, 0)), micros(answer, 1), why
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if day == 0 {
		t.share.used = max(t.share.used-void, 0)
	}
	t.day = 0
	if most > 0 {
		most = max(most/max(t.workers, 1), 1) // 0 would be no limit
	}
	return t.share.take(t.budget.now(), t.fair(), most, n)
}

// drop lets go of the tokens in hand, with the lock held. Who was told that the day's number is used up asks again: it is
// less now.
func (t *Target) drop() {
	if t.tokens == 0 {
		return
	}
	t.void += t.tokens
	t.tokens = 0
	for i := range t.lanes {
		if t.lanes[i].why == whyDay {
			t.lanes[i].until = 0
		}
	}
}
