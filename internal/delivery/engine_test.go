package delivery

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a provider that counts what each recipient got.
type receiver struct {
	mu     sync.Mutex
	copies map[int64]int
	answer func(recipient int64, attempt int) error
}

func (r *receiver) send(_ context.Context, to *Recipient) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.answer != nil {
		err = r.answer(to.ID, int(to.Attempt))
	}
	if err == nil || fault.Is(err, fault.Uncertain) {
		r.copies[to.ID]++
	}
	return err
}

func (r *receiver) received() (people, copies int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.copies {
		copies += n
	}
	return len(r.copies), copies
}

func newReceiver(answer func(int64, int) error) *receiver {
	return &receiver{copies: map[int64]int{}, answer: answer}
}

func newTestEngine(t *testing.T, m *memory, connections int) *Engine {
	t.Helper()
	e := NewEngine(m, Config{Process: "test", Connections: func(int16) int { return connections },
		Notice: func(message string, err error) { t.Logf("%s: %v", message, err) }})
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// drain runs whatever is ready, several at a time, until nothing is left.
func drain(t *testing.T, e *Engine, m *memory, open Open) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				batch, gen, ok := m.next()
				if !ok {
					return
				}
				_, err := e.Run(t.Context(), batch, gen, open)
				if fault.Is(err, fault.Wait) {
					continue // the queue would bring it again
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func opens(send Send) Open {
	return func(context.Context, *Batch) (Way, error) { return Way{Send: send}, nil }
}

func TestEveryoneOnce(t *testing.T) {
	t.Parallel()
	m := newMemory(2000, 100)
	r := newReceiver(nil)
	e := newTestEngine(t, m, 16)
	drain(t, e, m, opens(r.send))
	if people, copies := r.received(); people != 2000 || copies != 2000 || m.count(Sent) != 2000 {
		t.Errorf("%d people got %d copies, %d rows are sent", people, copies, m.count(Sent))
	}
}

func TestNobodyIsSentToBeforeBeingListed(t *testing.T) {
	t.Parallel()
	m := newMemory(500, 100)
	e := newTestEngine(t, m, 8)
	drain(t, e, m, opens(func(_ context.Context, r *Recipient) error {
		if !m.listed(r.ID) {
			t.Errorf("recipient %d is on no in-flight list", r.ID)
		}
		return nil
	}))
	if m.count(Sent) != 500 {
		t.Errorf("%d sent", m.count(Sent))
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	m := newMemory(5, 5)
	r := newReceiver(func(recipient int64, attempt int) error {
		switch recipient {
		case 1:
			return fault.New(fault.GiveUp, "unknown_mailbox", "no such user x@example.org")
		case 2:
			return fault.New(fault.Uncertain, "no_answer", "")
		case 3:
			return fault.New(fault.Retry, "busy", "try later")
		case 4:
			if attempt < 2 {
				return fault.New(fault.Retry, "busy", "try later")
			}
		}
		return nil
	})
	e := newTestEngine(t, m, 2)
	drain(t, e, m, opens(r.send))
	want := []memoryRow{{state: Failed, attempt: 1, reason: Rejected}, {state: Uncertain, attempt: 1, reason: NoAnswer},
		{state: Failed, attempt: MaxAttempts, reason: RetriesUsed}, {state: Sent, attempt: 3}, {state: Sent, attempt: 1}}
	for i, w := range want {
		got := *m.rows[int64(i+1)]
		if got.state != w.state || got.attempt != w.attempt || got.reason != w.reason {
			t.Errorf("recipient %d: %s after %d attempts, %s; want %s after %d, %s", i+1, got.state, got.attempt, got.reason, w.state, w.attempt, w.reason)
		}
	}
	if d := m.rows[1].dead; d == nil || d.Code != "unknown_mailbox" || d.Kind != "give_up" || d.Error != "unknown_mailbox: no such user <address>" {
		t.Errorf("dead letter %+v", d)
	}
}

func TestPanicLeavesOneUncertain(t *testing.T) {
	t.Parallel()
	m := newMemory(3, 3)
	e := newTestEngine(t, m, 1)
	drain(t, e, m, opens(func(_ context.Context, r *Recipient) error {
		if r.ID == 2 {
			panic("a provider's library")
		}
		return nil
	}))
	if m.count(Sent) != 2 || m.rows[2].state != Uncertain {
		t.Errorf("%d sent, the other is %s", m.count(Sent), m.rows[2].state)
	}
}

func TestWaitUsesNoAttemptAndStopsTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(100, 100)
		calls := 0
		r := newReceiver(func(int64, int) error {
			calls++
			return fault.WaitFor(3*time.Second, "throttled", nil)
		})
		e := newTestEngine(t, m, 1)
		report, err := e.Run(t.Context(), 1, 1, opens(r.send))
		if err != nil || report.Done || report.Pending != 100 {
			t.Errorf("%+v, %v", report, err)
		}
		if calls != 1 || m.rows[1].attempt != 0 {
			t.Errorf("%d calls, %d attempts", calls, m.rows[1].attempt)
		}
		if wait := time.Until(m.batches[1].until); wait < 2*time.Second || wait > 3*time.Second {
			t.Errorf("the batch waits %s", wait)
		}
	})
}

func TestOpenFailure(t *testing.T) {
	t.Parallel()
	m := newMemory(3, 3)
	e := newTestEngine(t, m, 1)
	later := func(context.Context, *Batch) (Way, error) { return Way{}, errors.New("the database is away") }
	if report, err := e.Run(t.Context(), 1, 1, later); err != nil || report.Pending != 3 || m.count(Pending) != 3 {
		t.Errorf("%+v, %v", report, err)
	}
	never := func(context.Context, *Batch) (Way, error) { return Way{}, fault.New(fault.GiveUp, "channel_off", "") }
	if report, err := e.Run(t.Context(), 1, 2, never); err != nil || !report.Done || report.Failed != 3 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestStoppedPublicationStopsWithinTheBatch(t *testing.T) {
	t.Parallel()
	m := newMemory(1000, 1000)
	e := newTestEngine(t, m, 1)
	send := func(context.Context, *Recipient) error {
		m.set(Control{Stopped: map[int64]bool{1: true}})
		return nil
	}
	report, err := e.Run(t.Context(), 1, 1, opens(send))
	if err != nil || !report.Stopped || report.Pending != 999 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestRevokedSubscriberIsNotSentTo(t *testing.T) {
	t.Parallel()
	m := newMemory(10, 10)
	e := newTestEngine(t, m, 1)
	send := func(_ context.Context, r *Recipient) error {
		if r.ID == 1 {
			m.set(Control{Revoked: map[int64]time.Time{5: time.Now()}})
		}
		if r.ID == 5 {
			t.Error("sent to a subscriber who had withdrawn")
		}
		return nil
	}
	report, err := e.Run(t.Context(), 1, 1, opens(send))
	if err != nil || report.Done || report.Pending != 6 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestRevokedWhileTheBatchIsOpened is heard of: polling begins with the reading of who is owed, however long the rest
// takes.
func TestRevokedWhileTheBatchIsOpened(t *testing.T) {
	t.Parallel()
	m := newMemory(1, 1)
	e := newTestEngine(t, m, 1)
	report, err := e.Run(t.Context(), 1, 1, func(context.Context, *Batch) (Way, error) {
		m.set(Control{Revoked: map[int64]time.Time{1: time.Now()}})
		return Way{Send: func(context.Context, *Recipient) error { t.Error("sent all the same"); return nil }}, nil
	})
	if err != nil || report.Pending != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestTakeoverWhileSending loses sessions at random moments: nobody gets a second copy, and whoever is not sent
// is uncertain, until late evidence says better.
func TestTakeoverWhileSending(t *testing.T) {
	t.Parallel()
	const people = 3000
	m := newMemory(people, 100)
	e := newTestEngine(t, m, 8)
	r := newReceiver(nil)
	count := 0
	send := func(ctx context.Context, to *Recipient) error {
		err := r.send(ctx, to)
		r.mu.Lock()
		count++
		lose := count%500 == 0
		r.mu.Unlock()
		if lose {
			m.mu.Lock()
			last := int64(len(m.sessions))
			m.mu.Unlock()
			m.takeOver(last)
		}
		return err
	}
	drain(t, e, m, opens(send))
	got, copies := r.received()
	if copies != got {
		t.Errorf("%d people got %d copies", got, copies)
	}
	if settled := m.count(Sent) + m.count(Uncertain); settled != people {
		t.Errorf("%d settled", settled)
	}
	if m.count(Sent) > got {
		t.Errorf("%d are said to be sent, %d received", m.count(Sent), got)
	}
	if lost := people - got - m.count(Uncertain); lost > 0 {
		t.Errorf("%d lost without a trace", lost)
	}
}

// TestNudgesForALostSession has a process that was frozen come back: until it knows that its session was taken over,
// it puts every nudge back, and eats none.
func TestNudgesForALostSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(30, 10)
		e := newTestEngine(t, m, 1)
		r := newReceiver(nil)
		if report, err := e.Run(t.Context(), 1, 1, opens(r.send)); err != nil || !report.Done {
			t.Fatalf("%+v, %v", report, err)
		}
		m.takeOver(1)
		if report, err := e.Run(t.Context(), 2, 1, opens(r.send)); !fault.Is(err, fault.Wait) {
			t.Errorf("%+v, %v", report, err)
		}
		<-e.session.gone // the next heartbeat finds out
		if report, err := e.Run(t.Context(), 2, 1, opens(r.send)); err != nil || !report.Done {
			t.Errorf("with the next session: %+v, %v", report, err)
		}
		// The first one is kept until it has given its evidence, and no longer.
		<-e.ended[0].ended
		m.takeOver(2)
		<-e.session.gone
		if report, err := e.Run(t.Context(), 3, 1, opens(r.send)); err != nil || !report.Done || len(e.ended) != 1 {
			t.Errorf("with the third session: %+v, %v, %d kept", report, err, len(e.ended))
		}
	})
}

func TestDatabaseAwayLosesNothing(t *testing.T) {
	t.Parallel()
	m := newMemory(300, 100)
	r := newReceiver(nil)
	e := newTestEngine(t, m, 4)
	send := func(ctx context.Context, to *Recipient) error {
		if to.ID%97 == 0 {
			m.mu.Lock()
			m.failing = errors.New("connection refused")
			m.mu.Unlock()
			time.AfterFunc(20*time.Millisecond, func() {
				m.mu.Lock()
				m.failing = nil
				m.mu.Unlock()
			})
		}
		return r.send(ctx, to)
	}
	drain(t, e, m, opens(send))
	if people, copies := r.received(); people != 300 || copies != 300 || m.count(Sent) != 300 {
		t.Errorf("%d people got %d copies, %d rows are sent", people, copies, m.count(Sent))
	}
}

func TestUrgentGoesFirst(t *testing.T) {
	t.Parallel()
	p := newPool(1, new(average))
	e := &Engine{}
	add := func(lane int16, n int) *run {
		r := &run{engine: e, batch: &Batch{Lane: 0}, recipients: make([]Recipient, n), done: make(chan struct{})}
		p.lanes[lane] = append(p.lanes[lane], r)
		return r
	}
	bulk, urgent, second := add(2, 2), add(0, 1), add(2, 2)
	for i, want := range []*run{urgent, bulk, second, bulk, second} {
		if w := p.take(1); w == nil || w.run != want {
			t.Fatalf("window %d is of the wrong run", i)
		}
	}
	if p.take(1) != nil {
		t.Error("a window of nothing")
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"550 mailbox a.b@example.org unavailable":      "550 mailbox <address> unavailable",
		"request 0191e5a2-7b3c-7000-8000-1234567890ab": "request <n>",
		"busy": "busy",
	} {
		if got := Normalise(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestStateMachine(t *testing.T) {
	t.Parallel()
	for _, s := range []State{Bounced, Complained, Suppressed, Skipped} {
		for next := Pending; next <= Skipped; next++ {
			if May(s, next) {
				t.Errorf("%s can become %s", s, next)
			}
		}
	}
	for s := Pending; s <= Skipped; s++ {
		if s.String() == "unknown" || May(s, Pending) && s == Sent {
			t.Errorf("%d", s)
		}
		if s != Pending && s != Deferred && !s.Settled() {
			t.Errorf("%s is not settled", s)
		}
	}
}
