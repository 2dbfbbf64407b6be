package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
)

const holdPublicationOf = `
SELECT p.id FROM publication p WHERE p.id = (SELECT publication_id FROM batch WHERE id = $1) FOR NO KEY UPDATE`

const failedOfBatch = `
SELECT d.publication_id, d.channel_id, d.recipient_id
FROM batch b, LATERAL (SELECT k.publication_id, k.channel_id, k.recipient_id FROM delivery k
                       WHERE k.publication_id = b.publication_id AND k.channel_id = b.channel_id
                         AND k.recipient_id > b.lo AND k.recipient_id <= b.hi AND k.state = 6 OFFSET 0) d
WHERE b.id = $1 AND b.gen = $2 AND b.state = 'done'`

// ReopenBatch makes the failed recipients of a closed batch owed again, if gen is still the generation it was closed
// under, and returns how many. The next generation is another: whatever is repeated, or comes from an old copy of the
// queue, changes nothing.
func (db *DB) ReopenBatch(ctx context.Context, batch int64, gen int) (n int, err error) {
	err = db.tx(ctx, "reopen a batch", func(tx pgx.Tx) error {
		n = 0
		// Whoever reopens holds the publication, so that the generation stays what it is.
		var publication int64
		if err := tx.QueryRow(ctx, holdPublicationOf, batch).Scan(&publication); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		}
		failed, err := ledgerKeys(ctx, tx, failedOfBatch, batch, gen)
		if err != nil || len(failed) == 0 {
			return err
		}
		keys := make([]delivery.Key, 0, len(failed))
		for k := range failed {
			keys = append(keys, k)
		}
		fates, err := db.reopen(ctx, tx, keys, reopening{by: delivery.ByArchive, was: delivery.Failed})
		if err != nil {
			return err
		}
		var all delivery.Fates
		all.Add(fates...)
		if n = all.Changed; n == 0 {
			return nil
		}
		return record(ctx, tx, "delivery", "replay", ident.UID{}, map[string]any{"by": delivery.ByArchive, "batch": batch, "recipients": n})
	})
	return n, err
}
