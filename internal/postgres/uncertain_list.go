package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

// uncertainNow is who is uncertain now, of a filter: $1 to $5 are its fields.
const uncertainNow = `
FROM uncertain u
JOIN publication p ON p.id = u.publication_id,
     LATERAL (SELECT k.reason, k.attempt FROM delivery k WHERE k.publication_id = u.publication_id
                AND k.channel_id = u.channel_id AND k.recipient_id = u.recipient_id AND k.state = 7 OFFSET 0) d
WHERE ($1::uuid IS NULL OR p.uid = $1) AND ($2::smallint = 0 OR u.channel_id = $2) AND ($3::smallint = 0 OR d.reason = $3)
  AND ($4::timestamptz IS NULL OR u.since < $4) AND ($5::bigint[] IS NULL OR u.id = ANY($5))`

func uncertainArgs(f delivery.UncertainFilter) []any {
	return []any{optionalUID(f.Publication), f.Channel, int16(f.Reason), optionalTime(f.Before), f.IDs}
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// recipientUID is the public id of the recipient of a row u: a subscriber of the personal kinds (1 and 2), else a
// channel.
const recipientUID = `
       coalesce(CASE WHEN u.channel_id IN (1, 2) THEN (SELECT s.uid FROM subscriber s WHERE s.id = u.recipient_id)
                     ELSE (SELECT c.uid FROM channel c WHERE c.id = u.recipient_id) END, '00000000-0000-0000-0000-000000000000')`

const listUncertain = `
SELECT u.id, p.uid, u.channel_id,` + recipientUID + `, d.reason, d.attempt, u.since, u.due,
       (SELECT count(*) FROM reopening r WHERE r.publication_id = u.publication_id AND r.channel_id = u.channel_id
          AND r.recipient_id = u.recipient_id AND r.was = 7)` + uncertainNow + `
  AND u.id > $6 ORDER BY u.id LIMIT $7`

// Uncertain lists who is uncertain, at most limit with ids above after, by id.
func (db *DB) Uncertain(ctx context.Context, f delivery.UncertainFilter, after int64, limit int) ([]delivery.UncertainRow, error) {
	rows, err := db.pool.Query(ctx, listUncertain, append(uncertainArgs(f), after, limit)...)
	if err != nil {
		return nil, translate(err, "list uncertain recipients")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[delivery.UncertainRow])
	return list, translate(err, "list uncertain recipients")
}

const countUncertain = `SELECT p.uid, u.channel_id, d.reason, count(*), min(u.since)` + uncertainNow + `
GROUP BY p.id, u.channel_id, d.reason ORDER BY p.id DESC, u.channel_id, d.reason LIMIT $6`

// CountUncertain counts who is uncertain by publication, channel and reason: at most limit counts, of the newest
// publications first.
func (db *DB) CountUncertain(ctx context.Context, f delivery.UncertainFilter, limit int) ([]delivery.UncertainCount, error) {
	rows, err := db.pool.Query(ctx, countUncertain, append(uncertainArgs(f), limit)...)
	if err != nil {
		return nil, translate(err, "count uncertain recipients")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[delivery.UncertainCount])
	return list, translate(err, "count uncertain recipients")
}
