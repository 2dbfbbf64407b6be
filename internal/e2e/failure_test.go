package e2e

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// inject makes a provider fail.
func (h *house) inject(provider string, list ...sandbox.Fault) {
	h.t.Helper()
	if err := h.Sandbox.Inject(provider, list...); err != nil {
		h.t.Fatal(err)
	}
}

// A transient failure is tried again, and everybody gets it once.
func TestTransientFailures(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("transient", 40))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{ErrorRatio: 0.3, Seed: 7})
	id := h.Publish(t, fixture.Order{Title: "Once", Channels: []string{"email"}})
	fixture.Until(t, patience, "failures", func() (bool, string) {
		c := h.Sandbox.Counts()["email"]
		return c.Refused > 3 && c.Received > 3, ""
	})
	h.Sandbox.Clear()
	began := time.Now()
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 40)
	// As many attempts as there were calls, whenever the provider was mended.
	used, most := value[int64](h, `SELECT sum(attempt) FROM delivery`), value[int](h, `SELECT max(attempt)::int FROM delivery`)
	if c := h.Sandbox.Counts()["email"]; used != c.Requests || used != 40+c.Refused || most < 2 {
		t.Errorf("%d attempts were used for %+v; a recipient took %d", used, c, most)
	}
	// A wait is 2 s at most here. If it took as long as the reconciler's patience, a nudge was lost.
	if n := h.logs.FilterMessage("tasks were not queued, nudged again").Len(); n != 0 {
		t.Errorf("a retry was lost by the queue %d times; it took %v", n, time.Since(began))
	}
}

// A nudge that comes before its batch is due, by a clock that is ahead of the database's, comes again when it is.
func TestNudgeThatComesEarly(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("early", 3))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{ErrorRatio: 1})
	id := h.Publish(t, fixture.Order{Title: "Early", Channels: []string{"email"}})
	fixture.Until(t, patience, "a batch to wait", func() (bool, string) {
		tag, err := h.pool.Exec(t.Context(), `UPDATE batch SET not_before = clock_timestamp() + interval '4 s' WHERE state = 'waiting'`)
		return err == nil && tag.RowsAffected() == 1, ""
	})
	h.Sandbox.Clear()
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 3)
	if n := h.logs.FilterMessage("tasks were not queued, nudged again").Len(); n != 0 {
		t.Errorf("a nudge was lost %d times", n)
	}
}

// A recipient whom the provider refuses for good becomes a dead letter; the others get theirs.
func TestPermanentFailures(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("good", 20))
	h.Subscribe(t, fixture.People("bad", 3))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: "bad", ErrorRatio: 1, ErrorKind: sandbox.Permanent})
	id := h.Publish(t, fixture.Order{Title: "Once", Channels: []string{"email"}})
	p := h.Await(t, id, "completed_with_failures", patience)
	if p.All.Sent != 20 || p.All.Failed != 3 {
		t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", 20)
	n := value[int](h, `SELECT count(*)::int FROM dead_letter WHERE error_kind = 'give_up' AND attempts = 1 AND error NOT LIKE '%@%'`)
	prints := value[int](h, `SELECT count(DISTINCT fingerprint)::int FROM dead_letter`)
	if n != 3 || prints != 1 {
		t.Errorf("%d dead letters with %d causes", n, prints)
	}
}

// Who fails again and again is given up after one try and three retries.
func TestRetriesAreUsedUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("never", 1))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{ErrorRatio: 1})
	id := h.Publish(t, fixture.Order{Title: "Never", Channels: []string{"email"}})
	p := h.Await(t, id, "completed_with_failures", patience)
	if c := h.Sandbox.Counts()["email"]; p.All.Failed != 1 || c.Requests != 4 {
		t.Errorf("progress is %s after %d requests", p, c.Requests)
	}
	if n := h.logs.FilterMessage("tasks were not queued, nudged again").Len(); n != 0 {
		t.Errorf("a retry was lost by the queue %d times", n)
	}
}

// A provider that asks to wait is waited for; no attempt is used. One publication goes to three hooks at once, of
// which the provider takes one: with several publications, how fast the machine is would decide who is asked to wait.
func TestThrottledUsesNoAttempt(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, name := range []string{"slow-1", "slow-2", "slow-3"} {
		h.ConnectWebhook(t, name)
	}
	h.inject(sandbox.ProviderWebhook, sandbox.Fault{RatePerSecond: 0.5, Burst: 1})
	id := h.Publish(t, fixture.Order{Title: "Wait", Channels: []string{"webhook"}})
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "webhook", 3)
	c := h.Sandbox.Counts()["webhook"]
	if used := value[int](h, `SELECT max(attempt)::int FROM delivery`); used != 1 || c.Refused == 0 {
		t.Errorf("%d attempts used, %d requests throttled", used, c.Refused)
	}
	if n := h.logs.FilterMessage("tasks were not queued, nudged again").Len(); n != 0 {
		t.Errorf("a wait was lost by the queue %d times", n)
	}
}

// Where the provider may or may not have accepted, nothing is sent again, and it shows.
func TestAmbiguousAnswers(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.ConnectWebhook(t, "mute")
	h.Subscribe(t, fixture.People("sure", 20))
	h.Subscribe(t, fixture.People("mute", 4))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: "mute", DropRatio: 1})
	h.inject(sandbox.ProviderWebhook, sandbox.Fault{DropRatio: 1})
	id := h.Publish(t, fixture.Order{Title: "Once", Channels: []string{"email", "webhook"}})
	p := h.Await(t, id, "completed", patience)
	if p.All.Uncertain != 5 || p.All.Sent != 20 {
		t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", 24)
	h.wantOnce(id, "webhook", 1)
	if n := value[int](h, `SELECT count(*)::int FROM delivery WHERE state = 7 AND reason = 7`); n != 5 {
		t.Errorf("%d rows say that no answer came", n)
	}
}
