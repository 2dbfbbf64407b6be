package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// Recipient reads a subscriber who got a publication; NotFound if they are no more.
func (db *DB) Recipient(ctx context.Context, publicationID, subscriberID int64) (publication.Recipient, error) {
	var r publication.Recipient
	err := db.pool.QueryRow(ctx, `
		SELECT s.email, s.language, s.status = 'active',
		       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name) ORDER BY t.name), '[]')
		        FROM topic t, publication p
		        WHERE p.id = $1 AND t.id = ANY(s.topics) AND p.audience->'topics' @> to_jsonb(t.id))
		FROM subscriber s WHERE s.id = $2 AND s.email NOT LIKE '%@deleted.invalid'`, publicationID, subscriberID).
		Scan(&r.Email, &r.Language, &r.Active, &r.Topics)
	return r, translate(missing(err, noSubscriber), "read a recipient")
}

// leave takes a subscriber out of topics $2, or of everything if that is NULL. It changes nothing the second
// time.
const leave = `
UPDATE subscriber SET status = CASE WHEN $2::integer[] IS NULL THEN 'unsubscribed' ELSE status END,
       topics = CASE WHEN $2::integer[] IS NULL THEN topics ELSE ARRAY(SELECT unnest(topics) EXCEPT SELECT unnest($2::integer[]) ORDER BY 1) END,
       revoked_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1
WHERE id = $1 AND email NOT LIKE '%@deleted.invalid' AND CASE WHEN $2::integer[] IS NULL THEN status <> 'unsubscribed' ELSE topics && $2::integer[] END
RETURNING uid`

// Unsubscribe takes a subscriber out of everything or out of some topics, and counts it for the publication.
// It is effective for deliveries not yet sent: senders read revoked_at. It may be repeated, and one who is no
// more counts as done.
func (db *DB) Unsubscribe(ctx context.Context, u publication.Unsubscription) error {
	return db.tx(ctx, "unsubscribe", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.Page); err != nil {
			return err
		}
		var uid ident.UID
		err := tx.QueryRow(ctx, leave, u.Subscriber, u.Topics).Scan(&uid)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ReleaseHeld(ctx, tx, u.Subscriber); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO event (kind, publication_id, channel_id, recipient_id) VALUES ($1, $2, $3, $4)`,
			int16(analytics.Unsubscribe), u.Publication, u.Channel, u.Subscriber); err != nil {
			return err
		}
		if err := db.announceReactions(ctx, tx, u.Topics == nil, analytics.Event{Kind: analytics.Unsubscribe,
			Publication: u.Publication, Channel: u.Channel, Recipient: u.Subscriber, Link: analytics.NoLink}); err != nil {
			return err
		}
		changes := map[string]any{"all": u.Topics == nil, "topics": u.Topics, "publication": u.Publication}
		return record(ctx, tx, "subscriber", "unsubscribe", uid, changes)
	})
}
