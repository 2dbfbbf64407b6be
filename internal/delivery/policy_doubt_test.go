package delivery

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/fault"
)

// TestInDoubtUntilReached: of somebody who may have got the first message only "sent" is news.
func TestInDoubtUntilReached(t *testing.T) {
	t.Parallel()
	gone := fault.New(fault.GiveUp, "unknown_user", "There is no such mailbox.")
	busy := fault.Wrap(errors.New("451"), fault.Retry, "busy")
	for _, tc := range []struct {
		name    string
		attempt int16
		err     error
		want    State
	}{
		{"sent", 0, nil, Sent},
		{"refused", 0, gone, Uncertain},
		{"busy", 0, busy, Pending},
		{"busy too often", MaxAttempts - 1, busy, Uncertain},
	} {
		r := &Recipient{ID: 1, Attempt: tc.attempt, InDoubt: true}
		o, _ := verdict(&Batch{}, r, backoff.Transient, tc.err)
		if got := stillInDoubt(r, o); got.State != tc.want || got.Dead != nil || (got.Reason == NoAnswer) != (tc.want == Uncertain) {
			t.Errorf("%s: %+v", tc.name, got)
		}
		r.InDoubt = false
		if got := stillInDoubt(r, o); got.State != o.State || got.Dead != o.Dead {
			t.Errorf("%s, not in doubt: %+v", tc.name, got)
		}
	}
}

// TestTooLateToResend: who waited until a second copy would not be dropped is not sent to, and is uncertain again.
func TestTooLateToResend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(3, 3)
		m.rows[1].until = time.Now().Add(time.Hour)
		m.rows[2].until = time.Now()
		gate, r := newMeter(3), newReceiver(nil)
		e := newTestEngine(t, m, 1)
		if _, err := e.Run(t.Context(), 1, 1, through(r.send, gate)); err != nil {
			t.Fatal(err)
		}
		if row := m.rows[2]; row.state != Uncertain || row.reason != NoAnswer || row.attempt != 0 || row.dead != nil {
			t.Errorf("who waited too long: %+v", row)
		}
		if m.rows[1].state != Sent || m.rows[3].state != Sent || gate.given != 1 {
			t.Errorf("the others: %+v, %+v; %d given back", m.rows[1], m.rows[3], gate.given)
		}
	})
}
