package postgres

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/webhook"
)

// webhooksKept is how long events are kept, and what became of them: for as long can they be sent again.
const webhooksKept = 30 * 24 * time.Hour

// purgeWebhookEvents removes some events that were stored before a time, with all that is about them. Ids grow with time: what
// is old is at the beginning.
const purgeWebhookEvents = `
WITH old AS (
    SELECT id FROM (SELECT id, created_at FROM webhook_event ORDER BY id LIMIT $2) AS first WHERE created_at < $1
), attempts AS (
    DELETE FROM webhook_attempt WHERE event IN (SELECT id FROM old)
), messages AS (
    DELETE FROM webhook_message WHERE event IN (SELECT id FROM old)
)
DELETE FROM webhook_event WHERE id IN (SELECT id FROM old)`

func (db *DB) purgeWebhooks(ctx context.Context, before time.Time, limit int) (int64, error) {
	done, err := db.pool.Exec(ctx, purgeWebhookEvents, before, limit)
	return done.RowsAffected(), translate(err, "remove old webhooks")
}

// WebhookBacklog is what is not posted yet, at this moment.
func (db *DB) WebhookBacklog(ctx context.Context) (webhook.Backlog, error) {
	var b webhook.Backlog
	var late *time.Duration
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce(sum(m.pending), 0)::bigint, greatest(clock_timestamp() - min(m.due_at), '0'),
		       count(*) FILTER (WHERE e.disabled_reason IN ('gone', 'failing'))
		FROM webhook_endpoint e LEFT JOIN LATERAL (
		    SELECT (SELECT count(*) FROM (SELECT FROM webhook_message WHERE endpoint = e.id AND state = 'pending' LIMIT 100000) AS counted) AS pending,
		           (SELECT min(due_at) FROM webhook_message WHERE endpoint = e.id AND state = 'pending') AS due_at
		) m ON e.enabled`).Scan(&b.Pending, &late, &b.Off)
	if late != nil {
		b.Late = *late
	}
	return b, translate(err, "count the webhooks that wait")
}
