package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
)

func TestClosedSession(t *testing.T) {
	t.Parallel()
	db := open(t)
	sending(t, db, 100)
	ctx := t.Context()
	session := openSession(t, db)
	for range 2 {
		if err := db.CloseSession(ctx, session); err != nil {
			t.Fatal(err)
		}
	}
	// The nudge must come again: a process that does not know of the end of its session would eat them all.
	if b, err := db.Claim(ctx, session, 1, 1, 1); b != nil || !fault.Is(err, fault.Wait) {
		t.Errorf("a closed session claimed %v, %v", b, err)
	}
	if err := db.Flush(ctx, delivery.Flush{Session: session, Number: 1, Lease: time.Minute}); !errors.Is(err, delivery.ErrFenced) {
		t.Errorf("a closed session wrote: %v", err)
	}
	exec(t, db, `UPDATE sender_session SET until = now() - interval '1 hour'`)
	if got, err := db.TakeOver(ctx); got != nil || err != nil {
		t.Errorf("a closed session was taken over: %v, %v", got, err)
	}
	if b, err := db.Claim(ctx, openSession(t, db), 1, 1, 1); b == nil || err != nil {
		t.Errorf("the next session claimed %v, %v", b, err)
	}
}

// TestDeadLettersTakeAnyText since providers answer in any: a column takes only valid UTF-8 without U+0000.
func TestDeadLettersTakeAnyText(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 2)
	session, b := claim(t, db)
	flush := delivery.Flush{Session: session, Number: 1, Lease: time.Minute, Outcomes: sent(b, 1)}
	flush.Outcomes = append(flush.Outcomes, delivery.Outcome{Publication: id, Channel: 1, Recipient: 2, State: delivery.Failed, Attempt: 1,
		Dead: &delivery.DeadLetter{Kind: "give_up", Code: "re\x00jected\xff", Error: "bo\xeete \x00 inconnue \xe2\x82", Fingerprint: "f"}})
	if err := db.Flush(t.Context(), flush); err != nil {
		t.Fatal(err)
	}
	if got := value[string](t, db, `SELECT error || ', ' || error_code FROM dead_letter`); got != "bo\ufffdte  inconnue \ufffd, rejected\ufffd" {
		t.Errorf("stored %q", got)
	}
}
