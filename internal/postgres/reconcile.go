package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/webhook"
	"github.com/presswork/presswork/tasks"
)

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

// LostAt is when the queue was last found to have lost what it held.
func (db *DB) LostAt(ctx context.Context) (at time.Time, ever bool, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT CASE WHEN isfinite(lost_at) THEN lost_at ELSE now() END, isfinite(lost_at) FROM queue_state`).Scan(&at, &ever)
	return at, ever, translate(err, "read when the queue was lost")
}

const dueSchedules = `
UPDATE publication SET state = 'queued', gen = gen + 1, nudged_at = clock_timestamp(), updated_at = clock_timestamp(),
       version = version + 1
WHERE id IN (SELECT id FROM publication WHERE state = 'scheduled' AND scheduled_at <= now()
             ORDER BY scheduled_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, lane, gen, coalesce(trace_context, '')`

// QueueDue queues the publications whose time has come.
func (db *DB) QueueDue(ctx context.Context) (int, error) {
	n := 0
	err := db.tx(ctx, "queue due publications", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, dueSchedules, nudgePage)
		if err != nil {
			return err
		}
		var due []happened
		if n, err = nudgeSteps(ctx, tx, rows, func(id int64, gen int) tasks.Args {
			due = append(due, happened{id, webhook.PublicationQueued})
			return renderArgs(id, gen)
		}); err != nil {
			return err
		}
		return db.announcePublications(ctx, tx, due...)
	})
	return n, err
}

// AdvanceOpen moves on whatever publication could have moved on and did not: a process may have died between
// closing the last batch and completing the publication. And it wipes the links of letters that have arrived.
func (db *DB) AdvanceOpen(ctx context.Context) error {
	if _, err := db.pool.Exec(ctx, endFanouts); err != nil {
		return translate(err, "end fan-outs")
	}
	if err := db.advance(ctx, "advance open publications", advancePublications+thatMoved); err != nil {
		return err
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
	return db.wipeLetters(ctx)
}

// maintainPage bounds how much one statement of maintenance removes.
const maintainPage = 5000

// erasedAfter is how long a deleted subscriber's emptied row stays: longer than any batch can be in hand.
const erasedAfter = 24 * time.Hour

// MakePartitions makes those that are due soon: of the ledger one ahead, a million publications. It may be repeated.
func (db *DB) MakePartitions(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `SELECT make_partitions()`)
	return translate(err, "make partitions")
}

// Maintain makes partitions ahead of time and removes what is due: idempotency keys older than a day, rows of
// deleted subscribers, sender sessions that ended a month ago, soft bounces and counts by domain of then, imports of which nothing
// was heard since then, and events of webhook endpoints. It may be repeated.
func (db *DB) Maintain(ctx context.Context) error {
	if err := db.MakePartitions(ctx); err != nil {
		return err
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
		expired, err := db.forgetUnconfirmed(ctx, time.Now().Add(-consent.ConfirmTime), maintainPage)
		if err != nil {
			return err
		}
		ended, err := db.purgeSessions(ctx, time.Now().Add(-sessionsKept), maintainPage)
		if err != nil {
			return err
		}
		returned, err := db.purgeFeedback(ctx, time.Now().Add(-feedbackKept), maintainPage)
		if err != nil {
			return err
		}
		told, err := db.purgeWebhooks(ctx, time.Now().Add(-webhooksKept), maintainPage)
		if err != nil {
			return err
		}
		domains, err := db.purgeDomains(ctx, time.Now().Add(-domainsKept), maintainPage)
		if err != nil {
			return err
		}
		imports, err := db.forgetImports(ctx, time.Now().Add(-importsKept), maintainPage)
		if err != nil {
			return err
		}
		if max(keys, erased, expired, ended, returned, told, domains, imports) < maintainPage {
			return nil
		}
	}
}
