package delivery

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// meter is a Gate that lets so many through a tick.
type meter struct {
	mu     sync.Mutex
	tokens int
	taken  int
	given  int
	passes map[*meterPass]func(int)
	shut   error
	turned error // of Enter
}

type meterPass struct{ *meter }

func newMeter(tokens int) *meter { return &meter{tokens: tokens, passes: map[*meterPass]func(int){}} }

func (m *meter) Enter(_ context.Context, _ tasks.Lane, _ int, wake func(int)) (Pass, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.turned != nil {
		return nil, m.turned
	}
	p := &meterPass{m}
	m.passes[p] = wake
	return p, nil
}

func (p *meterPass) Take(n int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut != nil {
		return 0, p.shut
	}
	n = min(n, p.tokens)
	p.tokens -= n
	p.taken += n
	return n, nil
}

func (p *meterPass) Ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shut != nil || p.tokens > 0
}

// Give wakes those who wait, as a gate does that has something for them again.
func (p *meterPass) Give(n int) {
	if n <= 0 {
		return
	}
	p.change(func() { p.tokens += n; p.given += n }, n)
}

func (p *meterPass) Shut() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shut
}

func (p *meterPass) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.passes, p)
}

// change does something to the gate and wakes whoever waits at it.
func (m *meter) change(do func(), n int) {
	m.mu.Lock()
	do()
	var wakes []func(int)
	for _, wake := range m.passes {
		wakes = append(wakes, wake)
	}
	m.mu.Unlock()
	for _, wake := range wakes {
		wake(n)
	}
}

func through(send Send, gate Gate) Open {
	return func(context.Context, *Batch) (Way, error) { return Way{Send: send, Gate: gate}, nil }
}

// TestNobodyIsListedBeforeTheGateOpens, and nobody is sent to whom nothing was taken for.
func TestNobodyIsListedBeforeTheGateOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(20, 20)
		r := newReceiver(nil)
		gate := newMeter(3)
		e := newTestEngine(t, m, 4)
		ended := make(chan Report)
		go func() {
			report, err := e.Run(t.Context(), 1, 1, through(r.send, gate))
			if err != nil {
				t.Error(err)
			}
			ended <- report
		}()
		for want := 3; want <= 9; want += 2 {
			synctest.Wait()
			if people, _ := r.received(); people != want || m.listedNow() > want {
				t.Errorf("%d got it and %d are listed, %d may", people, m.listedNow(), want)
			}
			gate.change(func() { gate.tokens += 2 }, 2)
		}
		if report := <-ended; report.Pending != 9 || report.Done { // the slot is given back after a while
			t.Errorf("%+v", report)
		}
		if gate.given != 0 || len(gate.passes) != 0 {
			t.Errorf("%d were given back, %d passes are held", gate.given, len(gate.passes))
		}
	})
}

// TestAShutGateEndsWhatIsInHand at once, also for a batch that only waits, and what was taken comes back.
func TestAShutGateEndsWhatIsInHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(20, 20)
		gate := newMeter(5)
		calls := 0
		send := func(context.Context, *Recipient) error {
			calls++
			if calls == 3 {
				gate.change(func() { gate.shut = fault.WaitFor(time.Minute, "circuit_open", nil) }, -1)
				return fault.New(fault.Retry, "not_sent", "")
			}
			return nil
		}
		e := newTestEngine(t, m, 1)
		began := time.Now()
		report, err := e.Run(t.Context(), 1, 1, through(send, gate))
		if err != nil || report.Pending != 18 || calls != 3 || time.Since(began) > time.Second {
			t.Errorf("%+v, %v, %d calls in %s", report, err, calls, time.Since(began))
		}
		if gate.taken-gate.given != 3 {
			t.Errorf("%d were taken, %d given back", gate.taken, gate.given)
		}
		if m.rows[4].attempt != 0 {
			t.Error("an attempt was used by somebody nothing was sent to")
		}
	})
}

// TestTurnedAway keeps the nudge: the task comes again, and says why meanwhile.
func TestTurnedAway(t *testing.T) {
	t.Parallel()
	m := newMemory(20, 20)
	gate := newMeter(5)
	gate.turned = &fault.Error{Kind: fault.Wait, Code: "circuit_open", After: 40 * time.Second, Detail: "circuit open until noon"}
	e := newTestEngine(t, m, 1)
	never := func(context.Context, *Recipient) error { t.Error("sent"); return nil }
	report, err := e.Run(t.Context(), 1, 1, through(never, gate))
	if !report.PutOff || !fault.Is(err, fault.Wait) || err.Error() != "circuit_open: circuit open until noon" {
		t.Errorf("%+v, %v", report, err)
	}
	if b := m.batches[1]; b.Gen != 1 || m.nudges != 0 || time.Until(b.until) < 39*time.Second {
		t.Errorf("generation %d, %d nudges, due in %s", b.Gen, m.nudges, time.Until(b.until))
	}
	if m.rows[1].attempt != 0 {
		t.Error("an attempt was used")
	}
}

// TestUrgentPassesAWaitingBulkRun: what comes free goes to the more urgent.
func TestUrgentPassesAWaitingBulkRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(40, 20)
		m.batches[1].Lane, m.batches[2].Lane = tasks.LaneBulk, tasks.LaneCritical
		gate := newMeter(0)
		e := newTestEngine(t, m, 2)
		r := newReceiver(nil)
		var wg sync.WaitGroup
		for _, batch := range []int64{1, 2} {
			wg.Go(func() {
				if _, err := e.Run(t.Context(), batch, 1, through(r.send, gate)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		gate.change(func() { gate.tokens += 20 }, 20)
		synctest.Wait()
		if m.rows[1].state != Pending || m.rows[40].state != Sent {
			t.Error("the bulk run was served first")
		}
		wg.Wait()
	})
}

// TestBothGates let through what both let through, and nothing is lost between them.
func TestBothGates(t *testing.T) {
	t.Parallel()
	narrow, wide := newMeter(7), newMeter(30)
	m := newMemory(20, 20)
	r := newReceiver(nil)
	e := newTestEngine(t, m, 4)
	ctx, cancel := context.WithCancel(t.Context())
	send := func(ctx context.Context, to *Recipient) error {
		err := r.send(ctx, to)
		if n, _ := r.received(); n == 7 {
			cancel() // the batch would wait for more
		}
		return err
	}
	report, err := e.Run(ctx, 1, 1, through(func(ctx context.Context, to *Recipient) error { return send(ctx, to) }, Both(narrow, wide)))
	if err != nil || report.Pending != 13 {
		t.Errorf("%+v, %v", report, err)
	}
	if narrow.tokens != 0 || wide.tokens != 23 {
		t.Errorf("%d and %d are left", narrow.tokens, wide.tokens)
	}
	if Both(nil, nil) != nil || Both(narrow, nil) != Gate(narrow) || Both(nil, wide) != Gate(wide) {
		t.Error("with one there is one")
	}
	narrow.turned = fault.WaitFor(time.Second, "no", nil)
	if _, err := Both(narrow, wide).Enter(t.Context(), 0, 1, func(int) {}); err == nil || len(wide.passes) != 0 {
		t.Error("a pass is held although one gate refused")
	}
}

// TestWhatTheSecondGateKeepsComesBackToTheFirst, which wakes the pool that is just asking.
func TestWhatTheSecondGateKeepsComesBackToTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		narrow, wide := newMeter(20), newMeter(0)
		m := newMemory(20, 20)
		r := newReceiver(nil)
		e := newTestEngine(t, m, 4)
		ended := make(chan Report)
		go func() {
			report, err := e.Run(t.Context(), 1, 1, through(r.send, Both(narrow, wide)))
			if err != nil {
				t.Error(err)
			}
			ended <- report
		}()
		synctest.Wait()
		wide.change(func() { wide.tokens += 3 }, 3)
		if report := <-ended; report.Pending != 17 || narrow.tokens != 17 || wide.tokens != 0 {
			t.Errorf("%+v, %d and %d are left", report, narrow.tokens, wide.tokens)
		}
	})
}

// TestAShutGateSaysSo although the other has nothing to give: whoever is woken for it would look again and again.
func TestAShutGateSaysSo(t *testing.T) {
	t.Parallel()
	for _, shutFirst := range []bool{true, false} {
		empty, shut := newMeter(0), newMeter(5)
		shut.shut = fault.WaitFor(time.Minute, "circuit_open", nil)
		gate := Both(empty, shut)
		if shutFirst {
			gate = Both(shut, empty)
		}
		p, err := gate.Enter(t.Context(), tasks.LaneNormal, 1, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := p.Take(1); n != 0 || err == nil || !p.Ready() {
			t.Errorf("%d granted, %v", n, err)
		}
	}
}
