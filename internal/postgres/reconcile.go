package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/tasks"
)

// nudgePage bounds how much one reconciling transaction nudges.
const nudgePage = 2000

// Beat raises the canary, unless another process did so less than a period ago: then it returns 0.
func (db *DB) Beat(ctx context.Context, period time.Duration) (int64, error) {
	var canary int64
	err := db.pool.QueryRow(ctx, `
		UPDATE queue_state SET canary = canary + 1, updated_at = clock_timestamp()
		WHERE updated_at < clock_timestamp() - $1::interval OR canary = 0 RETURNING canary`, period).Scan(&canary)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return canary, translate(err, "raise the canary")
}

// QueueLost notes that the queue lost what it held: everything nudged before this moment is nudged again.
func (db *DB) QueueLost(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `UPDATE queue_state SET lost_at = clock_timestamp()`)
	return translate(err, "note that the queue was lost")
}

const going = `
	NOT EXISTS (SELECT FROM pause WHERE scope = 'all')`

// lostBatches are owed by a publication that is sending, and were last nudged before the queue was lost.
const lostBatches = `
UPDATE batch SET gen = gen + 1, nudged_at = clock_timestamp()
WHERE id IN (
    SELECT b.id FROM publication p, batch b, queue_state q
    WHERE p.state = 'sending' AND b.publication_id = p.id AND b.state IN ('ready', 'waiting') AND b.nudged_at < q.lost_at
      AND NOT EXISTS (SELECT FROM pause_lane l WHERE l.channel_id = b.channel_id AND l.lane = b.lane)
    LIMIT $1 FOR UPDATE OF b SKIP LOCKED)
RETURNING id, channel_id, lane, gen, not_before`

const lostRanges = `
UPDATE fanout_range r SET gen = r.gen + 1, nudged_at = clock_timestamp()
FROM publication p
WHERE p.id = r.publication_id AND p.state = 'sending' AND NOT r.done
  AND r.nudged_at < greatest((SELECT lost_at FROM queue_state), clock_timestamp() - $1::interval) AND` + going + `
RETURNING r.id, p.lane, r.gen`

const lostRenders = `
UPDATE publication SET gen = gen + 1, nudged_at = clock_timestamp()
WHERE state IN ('queued', 'rendering')
  AND nudged_at < greatest((SELECT lost_at FROM queue_state), clock_timestamp() - $1::interval) AND` + going + `
RETURNING id, lane, gen`

// LostAt is when the queue was last found to have lost what it held.
func (db *DB) LostAt(ctx context.Context) (at time.Time, ever bool, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT CASE WHEN isfinite(lost_at) THEN lost_at ELSE now() END, isfinite(lost_at) FROM queue_state`).Scan(&at, &ever)
	return at, ever, translate(err, "read when the queue was lost")
}

// RenudgeLost nudges a page of the batches that the queue lost. Repeat it until it returns 0.
func (db *DB) RenudgeLost(ctx context.Context) (n int, err error) {
	err = db.tx(ctx, "nudge what the queue lost", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, lostBatches, nudgePage)
		if err != nil {
			return err
		}
		n, err = nudgeAll(ctx, tx, rows)
		return err
	})
	return n, err
}

// RenudgeSteps nudges the pipeline's short steps (render, a page of fan-out) again that the queue lost, or that did
// not happen for longer than patience. It returns how many.
func (db *DB) RenudgeSteps(ctx context.Context, patience time.Duration) (n int, err error) {
	err = db.tx(ctx, "nudge again", func(tx pgx.Tx) error {
		n, err = nudgeSteps(ctx, tx, lostRanges, patience, func(id int64, gen int) tasks.Args { return tasks.NewPersonalize(id, gen) })
		if err != nil {
			return err
		}
		m, err := nudgeSteps(ctx, tx, lostRenders, patience, func(id int64, gen int) tasks.Args { return tasks.NewRender(id, gen) })
		n += m
		return err
	})
	return n, err
}

func nudgeSteps(ctx context.Context, tx pgx.Tx, statement string, patience time.Duration, args func(int64, int) tasks.Args) (int, error) {
	rows, err := tx.Query(ctx, statement, patience)
	if err != nil {
		return 0, err
	}
	var list []tasks.Task
	var id int64
	var lane tasks.Lane
	var gen int
	if _, err := pgx.ForEachRow(rows, []any{&id, &lane, &gen}, func() error {
		t, err := tasks.New(args(id, gen), lane)
		list = append(list, t)
		return err
	}); err != nil {
		return 0, err
	}
	return len(list), enqueueLater(ctx, tx, list)
}

// OverdueBatches are owed, due, and were nudged longer than patience ago, the oldest first. A long queue is no
// loss: ask the queue whether it still has the task.
func (db *DB) OverdueBatches(ctx context.Context, patience time.Duration, limit int) ([]delivery.Overdue, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT b.id, b.channel_id, b.lane, b.gen FROM publication p, batch b
		WHERE p.state = 'sending' AND b.publication_id = p.id AND b.state IN ('ready', 'waiting')
		  AND greatest(b.nudged_at, b.not_before) < clock_timestamp() - $1::interval
		  AND NOT EXISTS (SELECT FROM pause_lane l WHERE l.channel_id = b.channel_id AND l.lane = b.lane)
		ORDER BY b.nudged_at LIMIT $2`, patience, limit)
	if err != nil {
		return nil, translate(err, "find overdue batches")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Overdue, error) {
		var o delivery.Overdue
		var channelID int16
		var lane tasks.Lane
		var gen int
		if err := row.Scan(&o.Batch, &channelID, &lane, &gen); err != nil {
			return o, err
		}
		var err error
		o.Task, err = batchTask(channelID, lane, o.Batch, gen)
		return o, err
	})
	return list, translate(err, "find overdue batches")
}

// RenudgeBatches nudges batches whose task is gone, unless they moved on meanwhile. Those that are still
// queued are marked as looked at, so that the next look starts with others.
func (db *DB) RenudgeBatches(ctx context.Context, gone, queued []int64) error {
	return db.tx(ctx, "nudge overdue batches", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE batch SET gen = gen + 1, nudged_at = clock_timestamp()
			WHERE id = ANY($1) AND state IN ('ready', 'waiting')
			RETURNING id, channel_id, lane, gen, not_before`, gone)
		if err != nil {
			return err
		}
		if _, err := nudgeAll(ctx, tx, rows); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE batch SET nudged_at = clock_timestamp() WHERE id = ANY($1) AND state IN ('ready', 'waiting')`, queued)
		return err
	})
}

const dueSchedules = `
UPDATE publication SET state = 'queued', gen = gen + 1, nudged_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE id IN (SELECT id FROM publication WHERE state = 'scheduled' AND scheduled_at <= now()
             ORDER BY scheduled_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, lane, gen`

// QueueDue queues the publications whose time has come.
func (db *DB) QueueDue(ctx context.Context) (int, error) {
	n := 0
	err := db.tx(ctx, "queue due publications", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, dueSchedules, nudgePage)
		if err != nil {
			return err
		}
		var list []tasks.Task
		var id int64
		var lane tasks.Lane
		var gen int
		if _, err := pgx.ForEachRow(rows, []any{&id, &lane, &gen}, func() error {
			t, err := tasks.New(tasks.NewRender(id, gen), lane)
			list = append(list, t)
			return err
		}); err != nil {
			return err
		}
		n = len(list)
		return enqueueLater(ctx, tx, list)
	})
	return n, err
}

// AdvanceOpen moves on whatever publication could have moved on and did not: a process may have died between
// closing the last batch and completing the publication.
func (db *DB) AdvanceOpen(ctx context.Context) error {
	if _, err := db.pool.Exec(ctx, endFanouts, nil); err != nil {
		return translate(err, "end fan-outs")
	}
	if _, err := db.pool.Exec(ctx, advancePublications, nil); err != nil {
		return translate(err, "advance open publications")
	}
	rows, err := db.pool.Query(ctx, `SELECT id FROM publication WHERE state = 'cancelling'`)
	if err != nil {
		return translate(err, "find cancelled publications")
	}
	cancelling, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return translate(err, "find cancelled publications")
	}
	for _, id := range cancelling {
		if err := db.finishCancel(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// maintainPage bounds how much one statement of maintenance removes.
const maintainPage = 5000

// erasedAfter is how long a deleted subscriber's emptied row stays: longer than any batch can be in hand.
const erasedAfter = 24 * time.Hour

// Maintain makes partitions ahead of time and removes what is due: idempotency keys older than a day, rows of
// deleted subscribers. It may be repeated.
func (db *DB) Maintain(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `
		SELECT ensure_event_partitions(now()),
		       ensure_delivery_partitions((SELECT coalesce(max(id), 0) FROM publication))`)
	if err != nil {
		return translate(err, "make partitions")
	}
	for {
		keys, err := db.ForgetIdempotencyKeys(ctx, maintainPage)
		if err != nil {
			return err
		}
		erased, err := db.PurgeSubscribers(ctx, time.Now().Add(-erasedAfter), maintainPage)
		if err != nil {
			return err
		}
		if keys < maintainPage && erased < maintainPage {
			return nil
		}
	}
}
