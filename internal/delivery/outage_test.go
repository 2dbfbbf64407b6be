package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/fault"
)

// webhooksOnChannel5 is the schedule as the wiring has it.
func webhooksOnChannel5(channel int16) backoff.Schedule {
	if channel == 5 {
		return backoff.Webhook
	}
	return backoff.Transient
}

// untilNothingIsOwed runs what is ready, and sleeps until the next is.
func untilNothingIsOwed(t *testing.T, e *Engine, m *memory, open Open) {
	t.Helper()
	for {
		batch, gen, ok := m.next()
		if !ok {
			return
		}
		m.mu.Lock()
		until := m.batches[batch].until
		m.mu.Unlock()
		<-time.After(time.Until(until)) // of the world whose clock is ours
		if _, err := e.Run(t.Context(), batch, gen, open); err != nil && !fault.Is(err, fault.Wait) {
			t.Fatal(err)
		}
	}
}

// TestOutageOfADay: a webhook that fails for 26 hours gets its message when it works again, once. Who gets mail of the
// same publication has it at once, and the endpoint is asked some few times only.
func TestOutageOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(4, 3)
		m.batches[2].Channel = 5
		began := time.Now()
		var mailed, reached []time.Duration
		tries := 0
		e := NewEngine(m, Config{Process: "test", Connections: func(int16) int { return 1 }, Schedule: webhooksOnChannel5,
			Notice: func(message string, err error) { t.Logf("%s: %v", message, err) }})
		send := func(_ context.Context, r *Recipient) error {
			since := time.Since(began)
			if r.ID < 4 {
				mailed = append(mailed, since)
				return nil
			}
			if tries++; since < 26*time.Hour {
				return fault.New(fault.Retry, "http_500", "down")
			}
			reached = append(reached, since)
			return nil
		}
		if _, err := e.Run(t.Context(), 1, 1, opens(send)); err != nil {
			t.Fatal(err)
		}
		if m.count(Sent) != 3 || m.count(Pending) != 1 {
			t.Errorf("%d sent, %d owed at first", m.count(Sent), m.count(Pending))
		}
		untilNothingIsOwed(t, e, m, opens(send))
		if len(mailed) != 3 || mailed[2] > time.Second {
			t.Errorf("mailed after %v", mailed)
		}
		// 26 hours are over with the seventh wait at the latest, which begins after 17.6 hours at most and ends by 31.6.
		if len(reached) != 1 || reached[0] > 52*time.Hour || tries < 8 || tries > 9 || m.rows[4].state != Sent {
			t.Errorf("reached after %v with %d tries: %+v", reached, tries, m.rows[4])
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestOutageForGood ends, after days, in a dead letter.
func TestOutageForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 1)
		m.batches[1].Channel = 5
		began, tries := time.Now(), 0
		e := NewEngine(m, Config{Process: "test", Connections: func(int16) int { return 1 }, Schedule: webhooksOnChannel5,
			Notice: func(message string, err error) { t.Logf("%s: %v", message, err) }})
		untilNothingIsOwed(t, e, m, opens(func(context.Context, *Recipient) error {
			if tries++; tries == 3 || tries == 7 {
				return fault.WaitFor(time.Hour, "rate_limited", nil) // as long as was asked, and no attempt used
			}
			return fault.New(fault.Retry, "http_500", "down")
		}))
		row := m.rows[1]
		if row.state != Failed || row.reason != RetriesUsed || int(row.attempt) != backoff.WebhookAttempts || tries != backoff.WebhookAttempts+2 ||
			row.dead == nil || row.dead.Code != "http_500" {
			t.Errorf("after %d tries: %+v", tries, row)
		}
		if took := time.Since(began); took < 60*time.Hour || took > 78*time.Hour {
			t.Errorf("gave up after %v", took)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
