package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/webhook"
)

// endpointHealth is what posts say of their endpoint.
type endpointHealth struct {
	well    bool
	failed  bool
	hold    time.Duration
	disable webhook.Reason
}

func healthOf(posts []webhook.Post) endpointHealth {
	var h endpointHealth
	for _, p := range posts {
		switch {
		case p.Back:
			continue
		case p.Verdict.State == webhook.Delivered:
			h.well = true
		default:
			h.failed = true
		}
		h.hold = max(h.hold, p.Verdict.Hold)
		if h.disable != webhook.Gone && p.Verdict.Disable != "" {
			h.disable = p.Verdict.Disable
		}
	}
	return h
}

// recordHealth notes how an endpoint does. On success that costs nothing but a look, unless it was failing. What was found out of
// another version of the endpoint says nothing about this one.
func (s *Webhooks) recordHealth(ctx context.Context, tx pgx.Tx, e webhook.Endpoint, posts []webhook.Post) (webhook.Reason, error) {
	h := healthOf(posts)
	if h.well {
		_, err := tx.Exec(ctx, `UPDATE webhook_endpoint SET failing_since = NULL WHERE id = $1 AND version = $2 AND failing_since IS NOT NULL`,
			e.ID, e.Version)
		if err != nil {
			return "", err
		}
	} else if h.failed {
		// By the database's clock, as everything that is counted from it: that of a worker may be days behind.
		_, err := tx.Exec(ctx, `
			UPDATE webhook_endpoint SET failing_since = clock_timestamp()
			WHERE id = $1 AND version = $2 AND failing_since IS NULL`, e.ID, e.Version)
		if err != nil {
			return "", err
		}
	}
	if h.hold > 0 {
		_, err := tx.Exec(ctx, `
			UPDATE webhook_endpoint SET wait_until = greatest(wait_until, clock_timestamp() + $3::interval)
			WHERE id = $1 AND version = $2`, e.ID, e.Version, h.hold)
		if err != nil {
			return "", err
		}
	}
	if h.disable == "" {
		return "", nil
	}
	return s.disable(ctx, tx, e, h.disable)
}

// disable switches an endpoint off for a reason of its own. Of one that has failed for so long, another process may have heard
// of a success since.
func (s *Webhooks) disable(ctx context.Context, tx pgx.Tx, e webhook.Endpoint, why webhook.Reason) (webhook.Reason, error) {
	off, err := s.scan(tx.QueryRow(ctx, `
		UPDATE webhook_endpoint SET enabled = false, disabled_reason = $3, disabled_at = clock_timestamp(), version = version + 1,
		       updated_at = clock_timestamp()
		WHERE id = $1 AND version = $2 AND enabled AND ($3 <> 'failing' OR failing_since <= clock_timestamp() - $4::interval)
		RETURNING `+endpointColumns, e.ID, e.Version, string(why), webhook.DisableAfter))
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := record(ctx, tx, "webhook_endpoint", "disable", off.UID, map[string]any{"reason": why}); err != nil {
		return "", err
	}
	return why, s.db.announce(ctx, tx, disabledEvent(off))
}
