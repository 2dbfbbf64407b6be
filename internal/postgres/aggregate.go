package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// aggregatePage is about how many events one transaction counts: some 0.3 s of work, so that a backlog of
// millions stays below the statement timeout.
const aggregatePage = 20_000

// aggregateLock lets one aggregation run at a time. The number is arbitrary.
const aggregateLock = 7_052_414_302

// aggregateWindow is the transactions whose events are counted next: from the cursor up to, not including,
// the upper bound. The bound is below every transaction still running, which may yet commit an event, and
// not far beyond a page; one transaction is never split.
const aggregateWindow = `
WITH bounds AS MATERIALIZED (
    SELECT c.tx AS low, pg_snapshot_xmin(pg_current_snapshot()) AS horizon FROM stat_cursor c
), page AS MATERIALIZED (
    SELECT e.tx FROM event e
    WHERE e.tx >= (SELECT low FROM bounds) AND e.tx < (SELECT horizon FROM bounds)
    ORDER BY e.tx OFFSET $1 LIMIT 1
), beyond AS MATERIALIZED (
    -- The first transaction after the one the page ends in.
    SELECT e.tx FROM event e WHERE e.tx > (SELECT tx FROM page) ORDER BY e.tx LIMIT 1
)
SELECT low::text, CASE WHEN NOT EXISTS (SELECT FROM page) THEN horizon::text
                       WHEN (SELECT tx FROM page) > low THEN (SELECT tx::text FROM page)
                       ELSE least((SELECT tx FROM beyond), horizon)::text END
FROM bounds`

// countEvents folds the events of a window into the counters. A recipient's first event of a kind counts as
// unique in the hour it happened.
const countEvents = `
WITH fresh AS MATERIALIZED (
    SELECT publication_id, channel_id, recipient_id, kind, date_trunc('hour', at, 'UTC') AS hour
    FROM event WHERE tx >= $1::text::xid8 AND tx < $2::text::xid8
), candidate AS (
    SELECT publication_id, channel_id, recipient_id, kind, min(hour) AS hour FROM fresh GROUP BY 1, 2, 3, 4
), first AS (
    INSERT INTO event_first (publication_id, channel_id, recipient_id, kind)
    SELECT publication_id, channel_id, recipient_id, kind FROM candidate
    ON CONFLICT DO NOTHING
    RETURNING publication_id, channel_id, recipient_id, kind
), uniques AS (
    SELECT publication_id, channel_id, kind, hour, count(*) AS n
    FROM first JOIN candidate USING (publication_id, channel_id, recipient_id, kind) GROUP BY 1, 2, 3, 4
), totals AS (
    SELECT publication_id, channel_id, kind, hour, count(*) AS n FROM fresh GROUP BY 1, 2, 3, 4
), counted AS (
    INSERT INTO stat (publication_id, channel_id, kind, hour, total, uniques)
    SELECT publication_id, channel_id, kind, hour, t.n, coalesce(u.n, 0)
    FROM totals t LEFT JOIN uniques u USING (publication_id, channel_id, kind, hour)
    ON CONFLICT (publication_id, channel_id, kind, hour)
    DO UPDATE SET total = stat.total + excluded.total, uniques = stat.uniques + excluded.uniques
)
SELECT count(*) FROM fresh`

// AggregateEvents folds new events into the counters and into what is known of each reader (engagement.go), and returns how many it counted; repeat it until that
// is 0. Each event is counted once: the cursor moves in the same transaction. Events of transactions that
// still run are left for later.
func (db *DB) AggregateEvents(ctx context.Context) (int, error) {
	counted := 0
	err := db.tx(ctx, "aggregate events", func(tx pgx.Tx) error {
		// The lock is a statement of its own: what follows must see what the previous holder committed.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(aggregateLock)); err != nil {
			return err
		}
		var from, to string
		if err := tx.QueryRow(ctx, aggregateWindow, aggregatePage).Scan(&from, &to); err != nil {
			return err
		}
		if err := engageEvents(ctx, tx, from, to); err != nil {
			return err
		}
		if err := countReception(ctx, tx, from, to); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, countEvents, from, to).Scan(&counted); err != nil {
			return err
		}
		if err := clearSoft(ctx, tx, from, to); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE stat_cursor SET tx = $1::text::xid8`, to)
		return err
	})
	return counted, err
}
