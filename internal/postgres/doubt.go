package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

// Who was uncertain and is owed again may have got the first message. If the second is not sent after all, because the
// publication is cancelled or its batch quarantined, neither "skipped" nor "failed" would be the truth of them: they are
// uncertain again. A worker keeps to the same; see wasUncertain.
const keepDoubtful = `
WITH o AS (
    UPDATE delivery d SET state = 7, reason = 7, settled_at = clock_timestamp()
    FROM (SELECT DISTINCT r.publication_id, r.channel_id, r.recipient_id
          FROM batch b JOIN publication p ON p.id = b.publication_id AND p.reopened > 0,
               LATERAL (SELECT * FROM reopening k WHERE k.publication_id = b.publication_id AND k.channel_id = b.channel_id
                          AND k.recipient_id > b.lo AND k.recipient_id <= b.hi AND k.was = 7 OFFSET 0) r
          WHERE b.id = ANY($1)) i,
         LATERAL (SELECT k.ctid AS tid, k.tableoid AS part FROM delivery k
                  WHERE k.publication_id = i.publication_id AND k.channel_id = i.channel_id
                    AND k.recipient_id = i.recipient_id AND k.state = ANY($3::smallint[]) OFFSET 0) x
    WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.state = ANY($3)
    RETURNING d.publication_id, d.channel_id, d.recipient_id, d.attempt
), n AS (` + startUncertain + `
SELECT o.publication_id, o.channel_id, o.recipient_id, clock_timestamp() + make_interval(secs => $2) FROM o` + stillUncertain + `
)
SELECT publication_id, channel_id, recipient_id, attempt FROM o`

// keepDoubts settles who was uncertain before and is in one of some states in the given batches, which the transaction has locked,
// as uncertain. Their batches are not counted again.
func (db *DB) keepDoubts(ctx context.Context, tx pgx.Tx, batches []int64, states ...delivery.State) error {
	rows, err := tx.Query(ctx, keepDoubtful, batches, delivery.SettleTime.Seconds(), numbers(states))
	if err != nil {
		return err
	}
	kept, err := settledRows(rows, delivery.Uncertain, delivery.NoAnswer)
	if err != nil {
		return err
	}
	return db.announceSettled(ctx, tx, kept)
}
