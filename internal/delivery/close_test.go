package delivery

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a ledger whose flushes wait to be let through, or for their context to end.
type slow struct {
	*memory
	block   atomic.Bool
	through chan struct{}
}

func (l *slow) Flush(ctx context.Context, f Flush) error {
	if l.block.Load() {
		select {
		case <-l.through:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return l.memory.Flush(ctx, f)
}

// notices is an engine's config that keeps what it is told.
func notices(told *[]string) Config {
	return Config{Process: "test", Connections: func(int16) int { return 4 },
		Notice: func(message string, _ error) { *told = append(*told, message) }}
}

// TestCloseWaitsForTheFlushUnderWay: a heartbeat that is on its way when the engine closes is no lost session, and the
// session is ended, not left to run out.
func TestCloseWaitsForTheFlushUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &slow{memory: newMemory(10, 10), through: make(chan struct{})}
		var told []string
		e := NewEngine(l, notices(&told))
		if _, err := e.Run(t.Context(), 1, 1, opens(newReceiver(nil).send)); err != nil {
			t.Fatal(err)
		}
		l.block.Store(true)
		<-time.After(heartbeat)
		synctest.Wait() // the heartbeat is on its way
		closed := make(chan error, 1)
		go func() { closed <- e.Close(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("closed while the heartbeat was under way: %v", err)
		case l.through <- struct{}{}:
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if !l.sessions[1].ended || len(told) != 0 {
			t.Errorf("session ended: %t, told %v", l.sessions[1].ended, told)
		}
	})
}

// TestCloseEndsWithItsContext though a call to a provider hangs and pays no heed to anything, and though the ledger hangs:
// the rest is left to takeover, and whatever comes later sends and writes nothing.
func TestCloseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &slow{memory: newMemory(100, 10), through: make(chan struct{})}
		var told []string
		e := NewEngine(l, notices(&told))
		release := make(chan struct{})
		var calls atomic.Int32
		hang := func(context.Context, *Recipient) error { calls.Add(1); <-release; return nil }
		ran := make(chan error, 1)
		go func() {
			report, err := e.Run(t.Context(), 1, 1, opens(hang))
			if !report.Stale {
				t.Errorf("the batch was given back: %+v", report)
			}
			ran <- err
		}()
		synctest.Wait()
		began := calls.Load()
		l.block.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		deadline, _ := ctx.Deadline()
		if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed: %v", err)
		}
		if !time.Now().Equal(deadline) {
			t.Errorf("it closed %s after the deadline", time.Since(deadline))
		}
		if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) && err != nil {
			t.Errorf("closed again: %v", err)
		}
		close(release)
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if l.sessions[1].ended || l.count(Sent) != 0 || began == 0 || calls.Load() != began {
			t.Errorf("ended: %t, sent: %d, calls: %d and later %d", l.sessions[1].ended, l.count(Sent), began, calls.Load())
		}
		for _, message := range told {
			if message == "sender session lost" {
				t.Error("nobody took the session, and it is called lost")
			}
		}
	})
}

// TestCloseOffersTheLastEvidence: what became known after the last offer is not lost with the process.
func TestCloseOffersTheLastEvidence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 1)
		var told []string
		e := NewEngine(m, notices(&told))
		release := make(chan struct{})
		go func() {
			_, _ = e.Run(t.Context(), 1, 1, opens(func(context.Context, *Recipient) error { <-release; return nil }))
		}()
		synctest.Wait()
		m.takeOver(1)
		<-time.After(heartbeat) // which notices
		synctest.Wait()
		if m.count(Uncertain) != 1 {
			t.Fatalf("%d uncertain", m.count(Uncertain))
		}
		close(release)
		synctest.Wait()
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if m.count(Sent) != 1 {
			t.Error("the evidence was not given")
		}
	})
}
