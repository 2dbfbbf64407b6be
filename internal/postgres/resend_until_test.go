package postgres

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
)

// doubtfulPlace is the only uncertain recipient: a place of Discord, which the policy resends.
func doubtfulPlace(t *testing.T, settings string) *DB {
	t.Helper()
	db := open(t)
	failing(t, db, 100)
	outlet(t, db, "discord", "discord", settings)
	exec(t, db, `UPDATE batch SET channel_id = 4, lo = 0, hi = 1`)
	exec(t, db, `DELETE FROM delivery WHERE recipient_id = 1`)
	exec(t, db, `UPDATE delivery SET channel_id = 4, recipient_id = 1 WHERE state = 7`)
	exec(t, db, `UPDATE uncertain SET channel_id = 4, recipient_id = 1`)
	older(t, db, time.Minute)
	if n := resend(t, db); n != 1 {
		t.Fatalf("%d resent", n)
	}
	return db
}

// TestResentUntil: who is sent to again because of a nonce is so until it may be forgotten, however long that takes; whom an
// operator's setting or a person resends is so for ever.
func TestResentUntil(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		settings, then string
		ends           bool
		atMost         time.Duration
	}{
		"by nonce":              {`{}`, `SELECT 1`, true, time.Minute},
		"by nonce, a while ago": {`{}`, `UPDATE reopening SET until = until - interval '5 minutes'`, true, 0},
		"by a setting":          {`{"on_uncertain": "resend"}`, `SELECT 1`, false, 0},
		"by a person, later": {`{}`, `INSERT INTO reopening (publication_id, channel_id, recipient_id, was, reason, attempts, by)
			SELECT publication_id, channel_id, recipient_id, 7, 7, 1, 'key:test' FROM reopening`, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := doubtfulPlace(t, tc.settings)
			exec(t, db, tc.then)
			var b delivery.Batch
			scan(t, db, `SELECT id, publication_id, channel_id, lo, hi FROM batch`, &b.ID, &b.Publication, &b.Channel, &b.Lo, &b.Hi)
			owed, err := db.Owed(t.Context(), &b)
			if err != nil || len(owed) != 1 || !owed[0].InDoubt {
				t.Fatalf("%+v, %v", owed, err)
			}
			if until := owed[0].Until; until.IsZero() == tc.ends || tc.ends && until.After(time.Now().Add(tc.atMost)) {
				t.Errorf("until %v", until)
			}
		})
	}
}
