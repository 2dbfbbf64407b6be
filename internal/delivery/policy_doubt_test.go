package delivery

import (
	"errors"
	"testing"

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
		o, _ := verdict(&Batch{}, r, tc.err)
		if got := stillInDoubt(r, o); got.State != tc.want || got.Dead != nil || (got.Reason == NoAnswer) != (tc.want == Uncertain) {
			t.Errorf("%s: %+v", tc.name, got)
		}
		r.InDoubt = false
		if got := stillInDoubt(r, o); got.State != o.State || got.Dead != o.Dead {
			t.Errorf("%s, not in doubt: %+v", tc.name, got)
		}
	}
}
