package postgres

import (
	"context"
	"errors"
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

// ofTopic reads those of topic $6.
const ofTopic = selectArchive + ` AND p.audience -> 'topics' @> $6::text::jsonb` + newestFirst

// ofBrand reads those of brand $7, and of a topic if $6 is one: the newest from each of its senders, and of these the newest.
const ofBrand = `
SELECT e.* FROM sender_identity s CROSS JOIN LATERAL (` + selectArchive + `
  AND p.sender_id = s.id AND ($6::text IS NULL OR p.audience -> 'topics' @> $6::text::jsonb)` + newestFirst + `) e
WHERE s.brand_id = $7 ORDER BY e.started_at DESC, e.id DESC LIMIT $5`

// ArchiveList is a part of the public archive. It is NotFound if Before is unknown, and empty for a topic that
// there is not, as for one that nothing was for.
func (db *DB) ArchiveList(ctx context.Context, f publication.ArchiveFilter) (publication.ArchiveList, error) {
	var list publication.ArchiveList
	at, id, err := db.archivePosition(ctx, f)
	if err != nil {
		return list, err
	}
	var topic *string
	if f.Topic != "" {
		topic = new(string)
		err := db.pool.QueryRow(ctx, `SELECT '[' || id || ']', name FROM topic WHERE slug = $1`, f.Topic).Scan(topic, &list.Topic)
		if errors.Is(err, pgx.ErrNoRows) {
			return list, nil
		}
		if err != nil {
			return list, translate(err, "find a topic")
		}
	}
	rows, err := db.archiveRows(ctx, f, topic, at, id)
	if err != nil {
		return list, translate(err, "list the archive")
	}
	list.Entries, err = pgx.CollectRows(rows, pgx.RowToStructByPos[publication.ArchiveEntry])
	return list, translate(err, "list the archive")
}

// archiveRows lists what comes after a place in the archive. It is planned each time where a topic is named: whether to walk the
// archive or to gather the topic depends on how common the topic is.
func (db *DB) archiveRows(ctx context.Context, f publication.ArchiveFilter, topic *string, at pgtype.Timestamptz, id int64) (pgx.Rows, error) {
	args := []any{at, id, publication.OutStates(), channel.Newsletter.ID(), f.Limit}
	switch {
	case f.Brand != 0:
		return db.pool.Query(ctx, ofBrand, append([]any{plannedEachTime}, append(args, topic, f.Brand)...)...)
	case topic != nil:
		return db.pool.Query(ctx, ofTopic, append([]any{plannedEachTime}, append(args, topic)...)...)
	default:
		return db.pool.Query(ctx, selectArchive+newestFirst, args...)
	}
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
