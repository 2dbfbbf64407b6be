package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
)

// deferredCounts reads what is held of one publication, by its key, and nothing of the others.
const deferredCounts = `
SELECT channel_id, reason, count(*), count(*) FILTER (WHERE due <= clock_timestamp()), min(due), max(due)
FROM held WHERE publication_id = $1 GROUP BY 1, 2 ORDER BY 1, 2`

// CountDeferred counts what is put off of a publication, by channel and reason, as the ledger has it at this moment. It reads
// every row that is held of it: progress, which is asked for every second, does not.
func (db *DB) CountDeferred(ctx context.Context, uid ident.UID) ([]delivery.DeferredCount, error) {
	var id int64
	if err := db.pool.QueryRow(ctx, `SELECT id FROM publication WHERE uid = $1`, uid).Scan(&id); err != nil {
		return nil, translate(err, "find the publication")
	}
	rows, err := db.pool.Query(ctx, deferredCounts, id)
	if err != nil {
		return nil, translate(err, "count what is put off")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[delivery.DeferredCount])
	return list, translate(err, "count what is put off")
}
