// Package backoff says how long to wait before something that failed is tried again, and when to give up.
//
// Only attempts count that failed for no lasting reason. Whoever is told to wait waits as told and has used none.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Schedule says how long to wait after so many failed attempts, 1 after the first; false: no other is made.
// It is safe for concurrent use, and its waits differ from call to call.
type Schedule func(attempts int) (wait time.Duration, again bool)

// How often something is tried in all, the first attempt among them.
const (
	TransientAttempts = 4
	WebhookAttempts   = 1 + len(webhookWaits)
)

const (
	transientBase = 2 * time.Second
	transientCap  = time.Minute
)

// Transient is for what mends itself in seconds: one try and three retries, a random part of 2 s, then of twice as
// much each time, of 60 s at most (AWS Architecture Blog, "Exponential Backoff and Jitter": full jitter).
func Transient(attempts int) (wait time.Duration, again bool) {
	step := transientCap
	if attempts <= 5 { // 2^5 seconds are less than the cap, and no shift here overflows
		step = min(transientBase<<(max(attempts, 1)-1), transientCap)
	}
	return rand.N(step) + time.Millisecond, attempts < TransientAttempts //nolint:gosec // jitter, not a secret
}

// webhookWaits are those of Standard Webhooks, "Deliverability and reliability": 75 hours and a half in all.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
var webhookWaits = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// webhookJitter: chance takes up to a fifth off a wait. Those who failed together do not come back together, and all
// waits together are still more than two days.
const webhookJitter = 5

// Webhook is for receivers that people look after: one try and nine retries, over 60 to 75 hours in all, so that an
// outage of a night or a weekend's day loses nothing.
func Webhook(attempts int) (wait time.Duration, again bool) { return of(webhookWaits[:], attempts) }

// Waits is a schedule like Webhook with waits of its own, of which there must be one at least; after the last is used no
// other attempt is made.
func Waits(list []time.Duration) Schedule {
	return func(attempts int) (time.Duration, bool) { return of(list, attempts) }
}

func of(waits []time.Duration, attempts int) (wait time.Duration, again bool) {
	step := max(waits[min(max(attempts, 1), len(waits))-1], webhookJitter)
	return step - rand.N(step/webhookJitter), attempts <= len(waits) //nolint:gosec // jitter, not a secret
}
