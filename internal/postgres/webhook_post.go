package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/webhook"
)

// unreadableHold is how long an endpoint is left alone whose secrets cannot be read: whoever mends it is not waited for
// with a log line a second.
const unreadableHold = time.Minute

// DueEndpoints is webhook.Store's. One probe of an index for each endpoint.
func (s *Webhooks) DueEndpoints(ctx context.Context) ([]int64, error) {
	rows, err := s.db.pool.Query(ctx, `
		SELECT e.id FROM webhook_endpoint e
		WHERE e.enabled AND (e.wait_until IS NULL OR e.wait_until <= clock_timestamp())
		  AND EXISTS (SELECT FROM webhook_message m WHERE m.endpoint = e.id AND m.state = 'pending' AND m.due_at <= now())`)
	if err != nil {
		return nil, translate(err, "find webhooks that are due")
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return list, translate(err, "find webhooks that are due")
}

const claimable = selectEndpoint + `
WHERE id = $1 AND enabled AND (wait_until IS NULL OR wait_until <= clock_timestamp())`

// claimMessages moves due_at, which is what a lease is. What is due is due by now(), which an index can be asked for.
const claimMessages = `
WITH due AS (
    SELECT event FROM webhook_message WHERE endpoint = $1 AND state = 'pending' AND due_at <= now()
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_message m SET token = m.token + 1, due_at = clock_timestamp() + $3::interval
FROM due JOIN webhook_event v ON v.id = due.event
WHERE m.endpoint = $1 AND m.event = due.event
RETURNING m.event, m.token, m.step, v.uid, v.type, v.subject, v.occurred_at, v.data`

// ClaimDue is webhook.Store's.
func (s *Webhooks) ClaimDue(ctx context.Context, endpoint int64, limit int, lease time.Duration) (webhook.Claim, error) {
	var c webhook.Claim
	err := s.db.tx(ctx, "claim webhooks", func(tx pgx.Tx) error {
		c = webhook.Claim{}
		e, err := s.scan(tx.QueryRow(ctx, claimable, endpoint))
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.Unreadable {
			_, err = tx.Exec(ctx, `UPDATE webhook_endpoint SET wait_until = clock_timestamp() + $2::interval WHERE id = $1`, e.ID, unreadableHold)
			c.Endpoint = e
			return err
		}
		if e.FailingSince != nil {
			limit = 1
			if err := tx.QueryRow(ctx, `SELECT clock_timestamp() - $1::timestamptz`, e.FailingSince).Scan(&c.Failing); err != nil {
				return err
			}
		}
		c.Endpoint = e
		rows, err := tx.Query(ctx, claimMessages, endpoint, limit, lease)
		if err != nil {
			return err
		}
		c.Items, err = pgx.CollectRows(rows, scanClaimed)
		return err
	})
	if err == nil && c.Endpoint.Unreadable {
		err = webhook.ErrUnreadable
	}
	return c, err
}

func scanClaimed(row pgx.CollectableRow) (webhook.Claimed, error) {
	var c webhook.Claimed
	var data json.RawMessage
	err := row.Scan(&c.Key, &c.Token, &c.Step, &c.Event.UID, &c.Event.Type, &c.Event.Subject, &c.Event.At, &data)
	c.Event.Data = data
	return c, err
}

// recordPosts changes what is with the claim still, notes the attempts of that, and says whether the endpoint is still as it was.
// The token is raised, so that nothing is recorded twice. That an endpoint wants nothing any more (410), which is another one by now
// and on, uses nothing up: that one is asked. The state is compared in a way that keeps the planner, which knows nothing of a new table, from walking the index of all that is
// pending instead of looking up single rows.
const recordPosts = `
WITH post AS (
    SELECT p.*, p.status = 410 AND EXISTS (SELECT FROM webhook_endpoint WHERE id = $1 AND version <> $12 AND enabled) AS moved
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::int[], $6::interval[], $7::bool[],
                $8::timestamptz[], $9::int[], $10::int[], $11::text[])
         AS p (event, token, state, step, wait, back, at, took, status, error)
), kept AS (
    UPDATE webhook_message m
    SET state = CASE WHEN p.moved THEN 'pending' ELSE p.state END, step = p.step - p.moved::int, token = m.token + 1,
        attempts = m.attempts + CASE WHEN p.back THEN 0 ELSE 1 END, due_at = clock_timestamp() + p.wait,
        settled_at = CASE WHEN p.state = 'pending' OR p.moved THEN NULL ELSE clock_timestamp() END
    FROM post p
    WHERE m.endpoint = $1 AND m.event = p.event AND m.token = p.token AND m.state || '' = 'pending'
    RETURNING m.event, m.attempts
), noted AS (
    INSERT INTO webhook_attempt (endpoint, event, attempt, at, duration_ms, status, error)
    SELECT $1, event, kept.attempts, p.at, p.took, nullif(p.status, 0), p.error FROM kept JOIN post p USING (event) WHERE NOT p.back
)
SELECT EXISTS (SELECT FROM webhook_endpoint WHERE id = $1 AND version = $12 AND enabled)`

// RecordPosts is webhook.Store's.
func (s *Webhooks) RecordPosts(ctx context.Context, c webhook.Claim, posts []webhook.Post) (webhook.Standing, error) {
	var standing webhook.Standing
	args := append(append([]any{c.Endpoint.ID}, postColumns(posts)...), c.Endpoint.Version)
	err := s.db.tx(ctx, "record webhooks", func(tx pgx.Tx) error {
		var same bool
		if err := tx.QueryRow(ctx, recordPosts, args...).Scan(&same); err != nil {
			return err
		}
		standing = webhook.Standing{Changed: !same}
		if !same {
			return nil
		}
		var err error
		standing.Disabled, err = s.recordHealth(ctx, tx, c.Endpoint, posts)
		return err
	})
	if standing.Disabled != "" {
		s.db.takers.forget()
	}
	return standing, err
}

func postColumns(posts []webhook.Post) []any {
	return []any{
		column(posts, func(p webhook.Post) int64 { return p.Key }),
		column(posts, func(p webhook.Post) int64 { return p.Token }),
		column(posts, func(p webhook.Post) string {
			if p.Back {
				return string(webhook.Pending)
			}
			return string(p.Verdict.State)
		}),
		column(posts, func(p webhook.Post) int {
			if p.Back {
				return p.Step
			}
			return p.Verdict.Step
		}),
		column(posts, func(p webhook.Post) time.Duration { return p.Verdict.Wait }),
		column(posts, func(p webhook.Post) bool { return p.Back }),
		column(posts, func(p webhook.Post) time.Time { return p.At }),
		column(posts, func(p webhook.Post) int { return int(p.Took.Milliseconds()) }),
		column(posts, func(p webhook.Post) int { return p.Answer.Status }),
		column(posts, func(p webhook.Post) string { return p.Answer.Words() }),
	}
}
