package backoff_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/backoff"
)

// What both schedules promise, for any number of attempts: a wait above nothing, within its step, and an end.
func TestWaitsStayWithinTheirSteps(t *testing.T) {
	t.Parallel()
	transient := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute}
	webhook := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
		20 * time.Hour, 24 * time.Hour,
	}
	for name, c := range map[string]struct {
		schedule backoff.Schedule
		steps    []time.Duration
		least    float64 // of a step
		attempts int
	}{
		"transient": {backoff.Transient, transient, 0, 4},
		"webhook":   {backoff.Webhook, webhook, 0.8, 10},
		"own waits": {backoff.Waits([]time.Duration{time.Second, time.Hour}), []time.Duration{time.Second, time.Hour}, 0.8, 3},
	} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			attempts := rapid.OneOf(rapid.IntRange(-1, 12), rapid.Int()).Draw(t, "attempts")
			step := c.steps[min(max(attempts, 1), len(c.steps))-1]
			wait, again := c.schedule(attempts)
			if wait <= 0 || wait > step+time.Millisecond || wait.Seconds() < c.least*step.Seconds() {
				t.Errorf("%v after %d, of a step of %v", wait, attempts, step)
			}
			if again != (attempts < c.attempts) {
				t.Errorf("again after %d of %d: %v", attempts, c.attempts, again)
			}
		}))
	}
}

// However chance has it, a receiver that is down for two days misses nothing, and one that is gone is left in four.
func TestWebhooksAreRetriedOverDays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all, attempts := time.Duration(0), 1
		for {
			wait, again := backoff.Webhook(attempts)
			if !again {
				break
			}
			all += wait
			attempts++
		}
		if attempts != backoff.WebhookAttempts || all < 60*time.Hour || all > 76*time.Hour {
			t.Errorf("%d attempts over %v", attempts, all)
		}
	})
}

// Those who failed at the same moment come back at different ones.
func TestWaitsDiffer(t *testing.T) {
	t.Parallel()
	for name, schedule := range map[string]backoff.Schedule{"transient": backoff.Transient, "webhook": backoff.Webhook} {
		seen := map[time.Duration]bool{}
		for range 100 {
			wait, _ := schedule(2)
			seen[wait] = true
		}
		if len(seen) < 50 {
			t.Errorf("%s: %d waits of 100 differ", name, len(seen))
		}
	}
}
