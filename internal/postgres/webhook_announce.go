package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

// Events for webhook endpoints are stored by the transaction that changes what they tell of: none is told of what was rolled
// back, and none is missing. They are inserts only, so nobody waits for them.

// tellSaid stores what is "said" (uid, type, subject, at, data) for the endpoints that take it, each event with its messages.
// What none takes is not stored.
const tellSaid = `taken AS (
    SELECT e.id AS endpoint, t.type FROM (SELECT DISTINCT type FROM said) t
    JOIN webhook_endpoint e ON e.enabled AND webhook_takes(e.events, t.type)
), told AS (
    INSERT INTO webhook_event (uid, type, subject, occurred_at, data)
    SELECT uid, type, subject, coalesce(at, clock_timestamp()), data FROM said WHERE type IN (SELECT type FROM taken)
    RETURNING id, type
), messages AS (
    INSERT INTO webhook_message (endpoint, event) SELECT taken.endpoint, told.id FROM told JOIN taken USING (type)
)`

const tellEvents = `
WITH said AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[]) AS s (uid, type, subject, at, data)
), ` + tellSaid + `
SELECT count(*) FROM told`

// announce tells the endpoints that take it what the transaction changes. An event without an id gets one.
func (db *DB) announce(ctx context.Context, tx pgx.Tx, events ...webhook.Event) error {
	if len(events) == 0 {
		return nil
	}
	taken, err := db.takers.now(ctx, tx)
	if err != nil {
		return err
	}
	var list []webhook.Event
	for _, e := range events {
		if taken.any(e.Type) {
			list = append(list, e)
		}
	}
	return db.tell(ctx, tx, list)
}

func (db *DB) tell(ctx context.Context, tx pgx.Tx, events []webhook.Event) error {
	if len(events) == 0 {
		return nil
	}
	said, err := saidOf(events)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, tellEvents, said...)
	db.told.Add(1)
	return err
}

// saidOf is events as the arrays that unnest takes.
func saidOf(events []webhook.Event) ([]any, error) {
	data := make([]string, len(events))
	for i := range events {
		encoded, err := json.Marshal(events[i].Data)
		if err != nil {
			return nil, fmt.Errorf("encode the data of an event of type %s: %w", events[i].Type, err)
		}
		data[i] = string(encoded)
	}
	return []any{
		column(events, func(e webhook.Event) ident.UID {
			if e.UID.IsZero() {
				return ident.New()
			}
			return e.UID
		}),
		column(events, func(e webhook.Event) string { return string(e.Type) }),
		column(events, func(e webhook.Event) string { return e.Subject }),
		column(events, func(e webhook.Event) *time.Time {
			if e.At.IsZero() {
				return nil
			}
			return &e.At
		}),
		data,
	}, nil
}
