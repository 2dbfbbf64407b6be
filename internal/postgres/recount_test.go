package postgres

import (
	"context"
	"testing"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/feedback"
)

// TestCountersAfterTwoSettleAtOnce: an operator settles one uncertain recipient of a batch while evidence settles another.
// Both count.
func TestCountersAfterTwoSettleAtOnce(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string]func(*testing.T, *DB, int64) func(context.Context) error{
		"late evidence": func(t *testing.T, db *DB, id int64) func(context.Context) error {
			t.Helper()
			session := value[int64](t, db, `SELECT session_id FROM delivery WHERE recipient_id = 3`)
			return func(ctx context.Context) error {
				return db.SettleLate(ctx, session, []delivery.Outcome{{Publication: id, Channel: 1, Recipient: 3, State: delivery.Sent, Attempt: 1}})
			}
		},
		"feedback": func(t *testing.T, db *DB, _ int64) func(context.Context) error {
			t.Helper()
			list := events(t, db, feedback.Delivered, 3)
			return func(ctx context.Context) error {
				_, err := db.ApplyFeedback(ctx, list)
				return err
			}
		},
		"feedback that came early": func(t *testing.T, db *DB, id int64) func(context.Context) error {
			t.Helper()
			exec(t, db, `INSERT INTO feedback (key, publication_id, channel_id, recipient_id, kind, at, next_at)
				VALUES (decode(repeat('00', 16), 'hex'), $1, 1, 3, $2, now(), now())`, id, int16(feedback.Delivered))
			return func(ctx context.Context) error {
				_, err := db.SweepFeedback(ctx, 10)
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openHashing(t)
			id := failing(t, db, 100)
			exec(t, db, `UPDATE delivery SET state = 7, reason = 7 WHERE recipient_id = 4`)
			exec(t, db, `UPDATE batch SET n_sent = n_sent - 1, n_uncertain = n_uncertain + 1`)
			do := settle(t, db, id)
			tx := begin(t, db)
			if _, err := db.decide(t.Context(), tx, []uncertainOne{{key: key(id, 4), attempts: 1}}, delivery.DecideSent); err != nil {
				t.Fatal(err)
			}
			whileWaiting(t, db, tx, do)
			wantStates(t, db, map[int64]delivery.State{4: delivery.Sent})
			var uncertain, counted, sent, countedSent int
			scan(t, db, `SELECT count(*) FILTER (WHERE state = 7), count(*) FILTER (WHERE state IN (2, 3, 4, 5)) FROM delivery`, &uncertain, &sent)
			scan(t, db, `SELECT n_uncertain, n_sent FROM batch`, &counted, &countedSent)
			if uncertain != 0 || counted != 0 || sent != countedSent {
				t.Errorf("%d uncertain, %d counted; %d sent, %d counted", uncertain, counted, sent, countedSent)
			}
		})
	}
}
