package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

const noWebhookDelivery = "This endpoint was not told of such an event, or it was too long ago."

// selectWebhookLog has each event of an endpoint with its newest attempt.
const selectWebhookLog = `
SELECT m.event, v.uid, v.type, v.subject, v.occurred_at, v.data, m.state, m.attempts, m.due_at, m.settled_at,
       a.at, a.duration_ms, coalesce(a.status, 0), coalesce(a.error, '')
FROM webhook_message m JOIN webhook_event v ON v.id = m.event
LEFT JOIN webhook_attempt a ON a.event = m.event AND a.endpoint = m.endpoint AND a.attempt = m.attempts `

// ListWebhooks is at most limit events that an endpoint was to be told of, with keys below before (0: the newest), the newest
// first. An event is in the order of its being stored. NotFound for an endpoint that is not there.
func (s *Webhooks) ListWebhooks(ctx context.Context, endpoint ident.UID, f webhook.Filter, before int64, limit int) ([]webhook.Delivery, error) {
	id, err := s.key(ctx, s.db.pool, endpoint)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.pool.Query(ctx, selectWebhookLog+`
		WHERE m.endpoint = $1 AND ($2 = 0 OR m.event < $2) AND ($3 = '' OR m.state = $3) AND ($4 = '' OR v.type = $4)
		  AND ($5::timestamptz IS NULL OR v.occurred_at >= $5) AND ($6::timestamptz IS NULL OR v.occurred_at < $6)
		ORDER BY m.event DESC LIMIT $7`,
		id, before, string(f.State), string(f.Type), f.Since, f.Until, limit)
	if err != nil {
		return nil, translate(err, "list webhooks")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (webhook.Delivery, error) { return scanWebhook(row) })
	return list, translate(err, "list webhooks")
}

// Webhook is what became of an event at an endpoint, with its attempts, the first one first; or NotFound.
func (s *Webhooks) Webhook(ctx context.Context, endpoint, event ident.UID) (webhook.Delivery, []webhook.Attempt, error) {
	id, err := s.key(ctx, s.db.pool, endpoint)
	if err != nil {
		return webhook.Delivery{}, nil, err
	}
	d, err := scanWebhook(s.db.pool.QueryRow(ctx, selectWebhookLog+`WHERE m.endpoint = $1 AND v.uid = $2`, id, event))
	if err != nil {
		return d, nil, translate(missing(err, noWebhookDelivery), "read a webhook")
	}
	rows, err := s.db.pool.Query(ctx, `
		SELECT attempt, at, duration_ms, coalesce(status, 0), error FROM webhook_attempt
		WHERE event = $1 AND endpoint = $2 ORDER BY attempt`, d.ID, id)
	if err != nil {
		return d, nil, translate(err, "list the attempts of a webhook")
	}
	attempts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (webhook.Attempt, error) {
		var a webhook.Attempt
		var took int64
		err := row.Scan(&a.Number, &a.At, &took, &a.Status, &a.Error)
		a.Took = time.Duration(took) * time.Millisecond
		return a, err
	})
	return d, attempts, translate(err, "list the attempts of a webhook")
}

func scanWebhook(row pgx.Row) (webhook.Delivery, error) {
	var d webhook.Delivery
	var a webhook.Attempt
	var data json.RawMessage
	var at *time.Time
	var took *int64
	err := row.Scan(&d.ID, &d.Event.UID, &d.Event.Type, &d.Event.Subject, &d.Event.At, &data, &d.State, &d.Attempts, &d.DueAt, &d.SettledAt,
		&at, &took, &a.Status, &a.Error)
	d.Event.Data = data
	if err == nil && at != nil {
		a.Number, a.At, a.Took = d.Attempts, *at, time.Duration(*took)*time.Millisecond
		d.Last = &a
	}
	return d, err
}

// key is an endpoint's internal id, or NotFound.
func (s *Webhooks) key(ctx context.Context, q querier, endpoint ident.UID) (int64, error) {
	var id int64
	err := q.QueryRow(ctx, `SELECT id FROM webhook_endpoint WHERE uid = $1`, endpoint).Scan(&id)
	return id, translate(missing(err, noEndpoint), "find a webhook endpoint")
}
