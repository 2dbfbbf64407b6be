package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

const insertEvents = `
INSERT INTO event (at, kind, publication_id, channel_id, recipient_id, link)
SELECT * FROM unnest($1::timestamptz[], $2::smallint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::smallint[])`

// InsertEvents stores events in one statement: all or none. Repeating it stores them, and tells of them, twice.
func (db *DB) InsertEvents(ctx context.Context, events []analytics.Event) error {
	if len(events) == 0 {
		return nil
	}
	args := []any{
		column(events, func(e analytics.Event) time.Time { return e.At }),
		column(events, func(e analytics.Event) int16 { return int16(e.Kind) }),
		column(events, func(e analytics.Event) int64 { return e.Publication }),
		column(events, func(e analytics.Event) int16 { return e.Channel }),
		column(events, func(e analytics.Event) int64 { return e.Recipient }),
		column(events, func(e analytics.Event) int16 { return e.Link }),
	}
	taken, err := db.takers.now(ctx, db.pool)
	if err != nil {
		return translate(err, "store events")
	}
	if !taken.any(webhook.DeliveryOpened, webhook.DeliveryClicked) {
		_, err = db.pool.Exec(ctx, insertEvents, args...)
		return translate(err, "store events")
	}
	return db.tx(ctx, "store events", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertEvents, args...); err != nil {
			return err
		}
		return db.announceReactions(ctx, tx, false, events...)
	})
}

// PublicationStats are a publication's counters, by channel, kind and hour. They lag behind the events by
// the period of aggregation.
func (db *DB) PublicationStats(ctx context.Context, uid ident.UID) (analytics.Stats, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT s.channel_id, s.kind, s.hour, s.total, s.uniques
		FROM stat s JOIN publication p ON p.id = s.publication_id
		WHERE p.uid = $1 ORDER BY s.hour, s.channel_id, s.kind`, uid)
	if err != nil {
		return nil, translate(err, "read a publication's counters")
	}
	stats, err := pgx.CollectRows(rows, pgx.RowToStructByPos[analytics.Count])
	return stats, translate(err, "read a publication's counters")
}

// Link is where link n of a publication leads, or NotFound.
func (db *DB) Link(ctx context.Context, publicationID int64, n int16) (string, error) {
	var url string
	err := db.pool.QueryRow(ctx, `SELECT url FROM link WHERE publication_id = $1 AND n = $2`, publicationID, n).Scan(&url)
	return url, translate(err, "look up a link")
}
