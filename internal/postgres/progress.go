package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// PublicationProgress counts how far a publication is, from its batches: the cost grows with those, a
// two-hundredth of the recipients.
func (db *DB) PublicationProgress(ctx context.Context, uid ident.UID) (publication.Progress, error) {
	var p publication.Progress
	// One snapshot, so that the state fits the counts: counts of a completed publication are complete.
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.pool, options, func(tx pgx.Tx) error {
		var id int64
		if err := tx.QueryRow(ctx, `
			SELECT id, state, fanout_done, started_at, completed_at, clock_timestamp(),
			       (SELECT h.due FROM held h WHERE h.publication_id = publication.id ORDER BY h.due LIMIT 1)
			FROM publication WHERE uid = $1`, uid).
			Scan(&id, &p.State, &p.FanoutDone, &p.StartedAt, &p.Ended, &p.Now, &p.NextDue); err != nil {
			return err
		}
		var err error
		p.Channels, err = countBatches(ctx, tx, id)
		return err
	})
	return p, translate(err, "count a publication's progress")
}

func countBatches(ctx context.Context, q querier, id int64) ([]publication.Counts, error) {
	rows, err := q.Query(ctx, `
		SELECT channel_id, sum(n_sent), sum(n_failed), sum(n_skipped), sum(n_uncertain),
		       coalesce(sum(owed) FILTER (WHERE state = 'claimed'), 0),
		       coalesce(sum(owed) FILTER (WHERE state IN ('ready', 'waiting')), 0), sum(n_deferred)
		FROM (SELECT *, size - n_sent - n_failed - n_skipped - n_uncertain - n_deferred AS owed FROM batch WHERE publication_id = $1) b
		GROUP BY channel_id ORDER BY channel_id`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[publication.Counts])
}
