package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// recoverPage is how many events one transaction of RecoverWebhooks makes due.
const recoverPage = 5000

// ResendWebhook makes an event due at an endpoint once more, whatever became of it, with a schedule that begins anew. What a call
// comes to that is under way counts for nothing, and is no attempt in the log: its token is an older one. NotFound if the endpoint
// was not told of it.
func (s *Webhooks) ResendWebhook(ctx context.Context, endpoint, event ident.UID) error {
	return s.db.tx(ctx, "resend a webhook", func(tx pgx.Tx) error {
		id, err := s.key(ctx, tx, endpoint)
		if err != nil {
			return err
		}
		done, err := tx.Exec(ctx, `
			UPDATE webhook_message SET state = 'pending', step = 0, token = token + 1, due_at = clock_timestamp(), settled_at = NULL
			WHERE endpoint = $1 AND event = (SELECT id FROM webhook_event WHERE uid = $2)`, id, event)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "not_found", noWebhookDelivery)
		}
		return record(ctx, tx, "webhook_endpoint", "resend", endpoint, map[string]any{"event": event})
	})
}

const recoverFailed = `
WITH page AS (
    SELECT m.event FROM webhook_message m JOIN webhook_event v ON v.id = m.event
    WHERE m.endpoint = $1 AND m.state = 'failed' AND v.occurred_at >= $2 AND ($3::timestamptz IS NULL OR v.occurred_at < $3)
    ORDER BY m.event LIMIT $4 FOR UPDATE OF m
)
UPDATE webhook_message m SET state = 'pending', step = 0, due_at = clock_timestamp(), settled_at = NULL
FROM page WHERE m.endpoint = $1 AND m.event = page.event`

// RecoverWebhooks makes due what failed for good at an endpoint and happened since then, until then if that is not nil, and
// returns how many there were. It goes in pages, each with its line in the audit log: cut short, it may be repeated for the
// rest. What is repeated after it was done finds nothing, unless it failed again.
func (s *Webhooks) RecoverWebhooks(ctx context.Context, endpoint ident.UID, since time.Time, until *time.Time) (int, error) {
	all := 0
	for {
		page := 0
		err := s.db.tx(ctx, "recover webhooks", func(tx pgx.Tx) error {
			id, err := s.key(ctx, tx, endpoint)
			if err != nil {
				return err
			}
			done, err := tx.Exec(ctx, recoverFailed, id, since, until, recoverPage)
			if err != nil {
				return err
			}
			page = int(done.RowsAffected())
			return record(ctx, tx, "webhook_endpoint", "recover", endpoint, map[string]any{"events": page})
		})
		if err != nil {
			return all, err
		}
		if all += page; page < recoverPage {
			return all, nil
		}
	}
}
