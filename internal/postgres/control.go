package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
)

// stoppable locks a page of a publication's batches that are with no worker, and owe somebody something now or later.
const stoppable = `
SELECT id FROM batch WHERE publication_id = $1 AND (state IN ('ready', 'waiting') OR state = 'done' AND n_deferred > 0)
LIMIT 50 FOR UPDATE`

// stopBatches closes batches that are with no worker: who was still owed is skipped. The counters are of the snapshot
// before that, so what is pending there counts as skipped. It returns who was, if $2: nobody may want to know of ten thousand.
const stopBatches = `
WITH b AS (
    SELECT id, publication_id, channel_id, lo, hi FROM batch WHERE id = ANY($1)
), rest AS (
    UPDATE delivery d SET state = 9, reason = 4, settled_at = clock_timestamp()
    FROM b, LATERAL (SELECT k.ctid AS tid, k.tableoid AS part, k.publication_id FROM delivery k
                     WHERE k.publication_id = b.publication_id AND k.channel_id = b.channel_id
                       AND k.recipient_id > b.lo AND k.recipient_id <= b.hi AND k.state IN (0, 1) OFFSET 0) x
    WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.state IN (0, 1)
    RETURNING d.publication_id, d.channel_id, d.recipient_id, d.attempt
), dropped AS (
    DELETE FROM held h
    USING b, LATERAL (SELECT k.ctid AS tid FROM held k WHERE k.publication_id = b.publication_id AND k.channel_id = b.channel_id
                        AND k.recipient_id > b.lo AND k.recipient_id <= b.hi OFFSET 0) y
    WHERE h.ctid = y.tid
), closed AS (
UPDATE batch SET state = 'stopped', gen = gen + 1, n_deferred = 0,
       n_sent = c.sent, n_failed = c.failed, n_uncertain = c.uncertain, n_skipped = c.skipped
FROM b, LATERAL (SELECT count(*) FILTER (WHERE d.state IN (2, 3, 4, 5)) AS sent,
                        count(*) FILTER (WHERE d.state = 6) AS failed,
                        count(*) FILTER (WHERE d.state = 7) AS uncertain,
                        count(*) FILTER (WHERE d.state IN (0, 1, 8, 9)) AS skipped
                 FROM delivery d WHERE d.publication_id = b.publication_id AND d.channel_id = b.channel_id
                   AND d.recipient_id > b.lo AND d.recipient_id <= b.hi OFFSET 0) c
WHERE batch.id = b.id
)
SELECT publication_id, channel_id, recipient_id, attempt FROM rest WHERE $2`

// finishCancel settles everything that a cancelled publication still owes, then makes it cancelled. A claimed
// batch is given back within a second; until then the publication stays cancelling. It may be repeated.
func (db *DB) finishCancel(ctx context.Context, id int64) error {
	for stopped := 1; stopped > 0; {
		if err := db.tx(ctx, "stop a publication's batches", func(tx pgx.Tx) (err error) {
			stopped, err = db.stopPage(ctx, tx, id)
			return err
		}); err != nil {
			return err
		}
	}
	cancelled := false
	err := db.tx(ctx, "cancel a publication", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE fanout_range SET done = true WHERE publication_id = $1 AND NOT done`, id); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE publication SET state = 'cancelled', completed_at = clock_timestamp(),
			       updated_at = clock_timestamp(), version = version + 1
			WHERE id = $1 AND state = 'cancelling'
			  AND NOT EXISTS (SELECT FROM batch WHERE publication_id = $1 AND state IN ('ready', 'claimed', 'waiting'))
			  AND NOT EXISTS (SELECT FROM batch WHERE publication_id = $1 AND n_deferred > 0)`, id)
		if cancelled = err == nil && tag.RowsAffected() > 0; !cancelled {
			return err
		}
		// Of which no batch is left: somebody had them looked at again just then.
		if _, err := tx.Exec(ctx, `DELETE FROM held WHERE publication_id = $1`, id); err != nil {
			return err
		}
		return db.announcePublications(ctx, tx, happened{id, webhook.PublicationCancelled})
	})
	if err == nil && cancelled {
		db.ended(publication.Cancelled)
	}
	return err
}

// stopPage closes a page of a cancelled publication's batches, and returns how many those were.
func (db *DB) stopPage(ctx context.Context, tx pgx.Tx, id int64) (int, error) {
	rows, err := tx.Query(ctx, stoppable, id)
	if err != nil {
		return 0, err
	}
	batches, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(batches) == 0 {
		return 0, err
	}
	if err := db.keepDoubts(ctx, tx, batches, delivery.Pending, delivery.Deferred); err != nil {
		return 0, err
	}
	taken, err := db.takers.now(ctx, tx)
	if err != nil {
		return 0, err
	}
	if rows, err = tx.Query(ctx, stopBatches, batches, taken.any(webhook.DeliverySkipped)); err != nil {
		return 0, err
	}
	skipped, err := settledRows(rows, delivery.Skipped, delivery.CancelledByUser)
	if err != nil {
		return 0, err
	}
	return len(batches), db.announceSettled(ctx, tx, skipped)
}
