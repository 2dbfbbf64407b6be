package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

// nextReplay locks the replay that rested longest. Whoever else looks passes it by, and a process that dies lets go of
// it: the lock is its lease.
const nextReplay = replayColumns + `
WHERE state IN ('canary', 'running', 'settling') AND stepped_at < clock_timestamp() - $1::interval
ORDER BY stepped_at LIMIT 1 FOR UPDATE SKIP LOCKED`

// countOutcomes finds what became of those whom a replay made owed again, each once.
const countOutcomes = `
WITH o AS (
    UPDATE reopening r SET outcome = x.state
    FROM (SELECT k.id, coalesce(d.state, 9) AS state
          FROM reopening k LEFT JOIN LATERAL (SELECT z.state FROM delivery z WHERE z.publication_id = k.publication_id
                 AND z.channel_id = k.channel_id AND z.recipient_id = k.recipient_id OFFSET 0) d ON true
          WHERE k.replay_id = $1 AND k.outcome IS NULL OFFSET 0) x
    WHERE r.id = x.id AND x.state > 1
    RETURNING r.outcome
)
SELECT count(*) FILTER (WHERE outcome BETWEEN 2 AND 5), count(*) FILTER (WHERE outcome = 6),
       count(*) FILTER (WHERE outcome = 7), count(*) FILTER (WHERE outcome IN (8, 9)) FROM o`

// replayPage is the next dead letters of a replay. Those that failed after it was asked for are not among them.
const replayPage = `SELECT u.id, u.publication_id, u.channel_id, u.recipient_id` + deadMatches + `
  AND u.id > $10 AND u.id <= $11 AND u.created_at <= $12 ORDER BY u.id LIMIT $13`

// StepReplay takes one replay a step further: it counts the outcomes that are known by now, and makes as many dead letters
// owed again as the rate allows. It returns how many, and whether there was a replay to step. Several processes may do it
// at once.
func (db *DB) StepReplay(ctx context.Context) (reopened int, stepped bool, err error) {
	err = db.tx(ctx, "step a replay", func(tx pgx.Tx) error {
		reopened, stepped = 0, false
		rows, err := tx.Query(ctx, nextReplay, replayPeriod)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, scanReplay)
		if err != nil || len(list) == 0 {
			return err
		}
		stepped = true
		r := &list[0]
		if err := readOutcomes(ctx, tx, r); err != nil {
			return err
		}
		r.Judge(false)
		last := r.SteppedAt
		if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&r.SteppedAt); err != nil {
			return err
		}
		if n := r.Take(r.SteppedAt.Sub(last)); n > 0 {
			var exhausted bool
			if reopened, exhausted, err = db.replayNext(ctx, tx, r, n); err != nil {
				return err
			}
			r.Judge(exhausted)
		} else {
			r.Judge(false)
		}
		return storeReplay(ctx, tx, r)
	})
	return reopened, stepped, err
}

func readOutcomes(ctx context.Context, tx pgx.Tx, r *delivery.Replay) error {
	var sent, failed, uncertain, skipped int64
	if err := tx.QueryRow(ctx, countOutcomes, r.ID).Scan(&sent, &failed, &uncertain, &skipped); err != nil {
		return err
	}
	r.Sent, r.Failed, r.Uncertain, r.Skipped = r.Sent+sent, r.Failed+failed, r.Uncertain+uncertain, r.Skipped+skipped
	return nil
}

// deadOne is a dead letter to replay.
type deadOne struct {
	ID, Publication int64
	Channel         int16
	Recipient       int64
}

// replayNext makes the next n dead letters owed again. Whoever is in a batch that is with a worker just now is looked at
// again by the next step, and those after them: who was replayed meanwhile is not among them any more.
func (db *DB) replayNext(ctx context.Context, tx pgx.Tx, r *delivery.Replay, n int) (reopened int, exhausted bool, err error) {
	args, err := deadArgs(r.Filter)
	if err != nil {
		return 0, false, err
	}
	rows, err := tx.Query(ctx, replayPage, append(args, r.Cursor, r.Until, r.CreatedAt, n)...)
	if err != nil {
		return 0, false, err
	}
	page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[deadOne])
	if err != nil {
		return 0, false, err
	}
	keys := column(page, func(d deadOne) delivery.Key {
		return delivery.Key{Publication: d.Publication, Channel: d.Channel, Recipient: d.Recipient}
	})
	fates, err := db.reopen(ctx, tx, keys, reopening{by: r.CreatedBy, replay: r.ID, was: delivery.Failed})
	if err != nil {
		return 0, false, err
	}
	passed := true
	for i, fate := range fates {
		switch fate {
		case delivery.Busy:
			passed = false
		case delivery.Changed:
			reopened++
		case delivery.Refused, delivery.Unchanged, delivery.TooSoon:
			if passed {
				r.Refused++ // looked at once: the cursor goes past it
			}
		}
		if passed {
			r.Cursor = page[i].ID
		}
	}
	r.Reopened += int64(reopened)
	r.Allowance = max(0, r.Allowance-float64(reopened))
	return reopened, passed && len(page) < n, nil
}
