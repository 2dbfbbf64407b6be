package delivery

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestWindowOf(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, tc := range []struct {
		flush, send time.Duration
		want        int
	}{
		{0, 0, 1}, {ms, 0, 1}, {0, ms, 1}, // not known yet
		{2 * ms, 500 * ms, 1}, {2 * ms, 2 * ms, 1}, {3 * ms, 2 * ms, 2}, {2 * ms, ms / 4, 8}, {time.Second, ms, maxWindow},
	} {
		var flush, send average
		if tc.flush > 0 {
			flush.add(tc.flush)
		}
		if tc.send > 0 {
			send.add(tc.send)
		}
		if got := windowOf(&flush, &send); got != tc.want {
			t.Errorf("flush %s, send %s: %d, want %d", tc.flush, tc.send, got, tc.want)
		}
	}
	var a average
	if a.add(0); a.seconds() == 0 {
		t.Error("what took no time is not known")
	}
}

// TestFewAreListedBeforeTheFirstAnswer, whatever another kind of channel taught: a process that dies then leaves two
// recipients a connection uncertain.
func TestFewAreListedBeforeTheFirstAnswer(t *testing.T) {
	t.Parallel()
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprint(elsewhere), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const connections = 128
				m := newMemory(2000, 1000)
				e := newTestEngine(t, m, connections)
				if elsewhere {
					e.flush.add(time.Second)
					e.poolOf(2).send.add(time.Millisecond)
				}
				answer := make(chan struct{})
				done := make(chan struct{})
				go func() {
					defer close(done)
					drain(t, e, m, opens(func(context.Context, *Recipient) error { <-answer; return nil }))
				}()
				synctest.Wait()
				if n := m.listedNow(); n != 2*connections {
					t.Errorf("%d listed before any answer, want %d", n, 2*connections)
				}
				close(answer)
				<-done
				if n := m.count(Sent); n != 2000 {
					t.Errorf("%d sent", n)
				}
			})
		})
	}
}
