package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Counters of closed batches are repaired when rows of theirs change. The batches are locked first, before the rows, as by
// whoever makes rows owed again or decides about them (see reopen.go), and counted by a later statement, which sees what
// those did for whom the lock was waited. What is open is counted when it is given back.

// lockClosed is some batches that are closed, locked.
const lockClosed = `
SELECT id FROM batch WHERE id = ANY($1) AND state IN ('done', 'stopped') ORDER BY id FOR NO KEY UPDATE`

// holdClosed locks the closed batches of some rows, and returns them.
func holdClosed(ctx context.Context, tx pgx.Tx, rowsOf outcomeColumns) ([]int64, error) {
	_, ids, err := findBatches(ctx, tx, rowsOf)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	rows, err := tx.Query(ctx, lockClosed, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// recountHeld counts batches that the transaction has locked. What counts as before is not written.
const recountHeld = `
UPDATE batch b SET n_sent = c.sent, n_failed = c.failed, n_uncertain = c.uncertain, n_skipped = c.skipped,
       n_deferred = c.deferred
FROM unnest($1::bigint[]) AS i (id),
     LATERAL (SELECT z.publication_id, z.channel_id, z.lo, z.hi FROM batch z WHERE z.id = i.id OFFSET 0) k,
     LATERAL (SELECT count(*) FILTER (WHERE d.state IN (2, 3, 4, 5)) AS sent,
                     count(*) FILTER (WHERE d.state = 6) AS failed,
                     count(*) FILTER (WHERE d.state = 7) AS uncertain,
                     count(*) FILTER (WHERE d.state IN (8, 9)) AS skipped,
                     count(*) FILTER (WHERE d.state = 1) AS deferred
              FROM delivery d WHERE d.publication_id = k.publication_id AND d.channel_id = k.channel_id
                AND d.recipient_id > k.lo AND d.recipient_id <= k.hi OFFSET 0) c
WHERE b.id = i.id AND (b.n_sent, b.n_failed, b.n_uncertain, b.n_skipped, b.n_deferred)
      IS DISTINCT FROM (c.sent::integer, c.failed::integer, c.uncertain::integer, c.skipped::integer, c.deferred::integer)`

// recount repairs the counters of batches that the transaction has locked.
func recount(ctx context.Context, tx pgx.Tx, held []int64) error {
	if len(held) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, recountHeld, held)
	return err
}
