package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/tally"
)

const noMessage = "There is no such message."

// selectMessages reads messages with their deliveries, in one query however many there are. What only the row of message
// has is no more after some time.
const selectMessages = `
SELECT p.id, p.uid, p.state, p.title, t.uid, coalesce((p.templates -> 'email' ->> 'version')::integer, 0), s.uid,
       coalesce(m.tracked, false), m.expires_at, p.created_by, p.created_at,
       coalesce(d.state, 0), coalesce(d.reason, 0), coalesce(d.attempt, 0), d.settled_at
FROM publication p
LEFT JOIN message m ON m.publication_id = p.id
LEFT JOIN template t ON t.id = (p.templates -> 'email' ->> 'id')::bigint
LEFT JOIN LATERAL (SELECT * FROM delivery WHERE publication_id = p.id OFFSET 0) d ON true
LEFT JOIN subscriber s ON s.id = d.recipient_id AND s.email NOT LIKE '%@deleted.invalid'
WHERE p.message`

func scanMessage(row pgx.CollectableRow) (publication.MessageSummary, error) {
	var m publication.MessageSummary
	err := row.Scan(&m.ID, &m.UID, &m.State, &m.Title, &m.Template, &m.TemplateVersion, &m.Subscriber, &m.Tracked, &m.ExpiresAt,
		&m.CreatedBy, &m.CreatedAt, &m.DeliveryState, &m.Reason, &m.Used, &m.SettledAt)
	return m, err
}

// chosenMessages goes through the index publication_message, from the newest on.
const chosenMessages = `
  AND ($2::bigint = 0 OR p.id < $2) AND ($3::text[] IS NULL OR p.state = ANY($3)) AND ($4::timestamptz IS NULL OR p.created_at >= $4)
  AND ($5::uuid IS NULL OR p.templates -> 'email' -> 'id' = to_jsonb((SELECT id FROM template WHERE uid = $5)))`

// toSubscriber goes through that of message instead: what is older than its row is not found.
const toSubscriber = ` AND m.subscriber_id = (SELECT id FROM subscriber WHERE uid = $6)`

// Messages reads a page of the list, newest first.
func (db *DB) Messages(ctx context.Context, f publication.MessageFilter) ([]publication.MessageSummary, error) {
	statement, args := selectMessages+chosenMessages+` ORDER BY p.id DESC LIMIT $1`, messageArgs(f, f.Before)
	if f.Subscriber != nil {
		statement, args = selectMessages+chosenMessages+toSubscriber+` ORDER BY p.id DESC LIMIT $1`, append(args, f.Subscriber)
	}
	rows, err := db.pool.Query(ctx, statement, args...)
	if err != nil {
		return nil, translate(err, "list messages")
	}
	list, err := pgx.CollectRows(rows, scanMessage)
	return list, translate(err, "list messages")
}

func messageArgs(f publication.MessageFilter, before int64) []any {
	return []any{f.Limit, before, f.States, optionalTime(f.Since), f.Template}
}

// TotalMessages counts messages, wherever the page begins.
func (db *DB) TotalMessages(ctx context.Context, f publication.MessageFilter) (tally.Total, error) {
	const from = ` FROM publication p LEFT JOIN message m ON m.publication_id = p.id WHERE p.message AND ($1::integer > 0)`
	args := messageArgs(f, 0)
	if f.Subscriber != nil {
		return db.total(ctx, from+chosenMessages+toSubscriber, append(args, f.Subscriber)...)
	}
	return db.total(ctx, from+chosenMessages, args...)
}

// Message is a message with all that is known of its delivery, or NotFound.
func (db *DB) Message(ctx context.Context, uid ident.UID) (publication.MessageSummary, delivery.Account, error) {
	var m publication.MessageSummary
	var a delivery.Account
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.pool, options, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectMessages+` AND p.uid = $1`, uid)
		if err != nil {
			return err
		}
		if m, err = pgx.CollectExactlyOneRow(rows, scanMessage); err != nil {
			return missing(err, noMessage)
		}
		a, err = messageAccount(ctx, tx, m)
		return err
	})
	return m, a, translate(err, "read a message")
}

// messageAccount is a message's delivery; it is the only one of its publication.
func messageAccount(ctx context.Context, tx pgx.Tx, m publication.MessageSummary) (delivery.Account, error) {
	p := &publication.Publication{ID: m.ID, CreatedAt: m.CreatedAt}
	s := subjectRow{personal: true}
	if err := tx.QueryRow(ctx, `SELECT recipient_id FROM delivery WHERE publication_id = $1 AND channel_id = $2`,
		m.ID, channel.Email.ID()).Scan(&s.id); err != nil {
		return delivery.Account{}, missing(err, noMessage)
	}
	list, err := readAccounts(ctx, tx, p, s)
	if err != nil || len(list) == 0 {
		return delivery.Account{}, err
	}
	return list[0], nil
}

// CancelMessage has a message not sent any more, if it was not yet; see CancelPublication. It returns NotFound of what is no
// message.
func (db *DB) CancelMessage(ctx context.Context, uid ident.UID) error {
	var message bool
	err := db.pool.QueryRow(ctx, `SELECT message FROM publication WHERE uid = $1`, uid).Scan(&message)
	if err == nil && !message {
		return fault.New(fault.NotFound, "not_found", noMessage)
	}
	if err != nil {
		return translate(missing(err, noMessage), "find a message")
	}
	_, err = db.CancelPublication(ctx, uid, func(int) error { return nil })
	return err
}

// StoreLinks keeps where the numbered links of a message lead. It may be repeated.
func (db *DB) StoreLinks(ctx context.Context, publicationID int64, links []string) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO link (publication_id, n, url) SELECT $1, i.n - 1, i.url FROM unnest($2::text[]) WITH ORDINALITY AS i (url, n)
		ON CONFLICT (publication_id, n) DO UPDATE SET url = excluded.url`, publicationID, links)
	return translate(err, "store the links of a message")
}
