package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/publication"
)

// selectArchive reads listed publications that are out, or were stopped after somebody got them. Of an EXISTS the
// planner would rather make a table of all batches; this looks for those of one publication.
const selectArchive = `
SELECT p.id, p.uid, p.title, p.started_at FROM publication p
WHERE p.listed AND p.started_at IS NOT NULL AND (p.started_at, p.id) < ($1, $2)
  AND (p.state = ANY($3)
       OR coalesce((SELECT true FROM batch b WHERE b.publication_id = p.id AND b.channel_id = $4 AND b.n_sent > 0 LIMIT 1), false))`

const newestFirst = ` ORDER BY p.started_at DESC, p.id DESC LIMIT $5`

// ArchiveList is a part of the public archive. It is NotFound if Before is unknown, and empty for a topic that
// there is not, as for one that nothing was for.
func (db *DB) ArchiveList(ctx context.Context, f publication.ArchiveFilter) (publication.ArchiveList, error) {
	var list publication.ArchiveList
	at, id, err := db.archivePosition(ctx, f)
	if err != nil {
		return list, err
	}
	args := []any{at, id, publication.OutStates(), channel.Newsletter.ID(), f.Limit}
	var rows pgx.Rows
	if f.Topic == "" {
		rows, err = db.pool.Query(ctx, selectArchive+newestFirst, args...)
	} else {
		var topic int32
		err = db.pool.QueryRow(ctx, `SELECT id, name FROM topic WHERE slug = $1`, f.Topic).Scan(&topic, &list.Topic)
		if errors.Is(err, pgx.ErrNoRows) {
			return list, nil
		}
		if err != nil {
			return list, translate(err, "find a topic")
		}
		// Planned each time: whether to walk the archive or to gather the topic depends on how common the topic is.
		rows, err = db.pool.Query(ctx, selectArchive+` AND p.audience -> 'topics' @> $6::text::jsonb`+newestFirst,
			append([]any{pgx.QueryExecModeCacheDescribe}, append(args, fmt.Sprintf("[%d]", topic))...)...)
	}
	if err != nil {
		return list, translate(err, "list the archive")
	}
	list.Entries, err = pgx.CollectRows(rows, pgx.RowToStructByPos[publication.ArchiveEntry])
	return list, translate(err, "list the archive")
}

// archivePosition is where a part of the archive begins.
func (db *DB) archivePosition(ctx context.Context, f publication.ArchiveFilter) (pgtype.Timestamptz, int64, error) {
	if f.Before.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}, 0, nil
	}
	var at time.Time
	var id int64
	err := db.pool.QueryRow(ctx, `SELECT started_at, id FROM publication WHERE uid = $1 AND listed AND started_at IS NOT NULL`,
		f.Before).Scan(&at, &id)
	return pgtype.Timestamptz{Time: at, Valid: true}, id, translate(err, "find a place in the archive")
}
