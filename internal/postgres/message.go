package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
)

// owedMessage reads the recipient of a message. What a reader chose does not matter to it: neither a subscription, nor
// topics, nor a pause. Nobody is there any more whose row was purged or erased.
const owedMessage = `
SELECT d.recipient_id, d.attempt, d.choice,
       CASE WHEN coalesce(s.email, m.email) IS NULL OR s.email LIKE '%@deleted.invalid' THEN 3
            WHEN m.expires_at <= clock_timestamp() THEN 16
            WHEN s.suppression_id IS NOT NULL THEN coalesce((SELECT 12 + u.reason FROM suppression u WHERE u.id = s.suppression_id), 0)
            ELSE 0 END,
       coalesce(s.uid::text, ''), coalesce(s.email, m.email, ''), coalesce(s.name, m.name, ''),
       coalesce(nullif(m.language, ''), s.language, ''), coalesce(s.timezone, m.timezone, ''), coalesce(s.country, ''),
       coalesce(s.topics, '{}'), coalesce(s.attributes, '{}'), coalesce(s.revoked_at, 'epoch'),` + wasUncertain + `,` + neverWaited + `,` + nothingChosen + `
FROM delivery d
CROSS JOIN (SELECT reopened FROM publication WHERE id = $1) a
LEFT JOIN message m ON m.publication_id = $1
LEFT JOIN subscriber s ON s.id = m.subscriber_id
WHERE d.publication_id = $1 AND d.channel_id = $2 AND d.recipient_id > $3 AND d.recipient_id <= $4 AND d.state = 0
ORDER BY d.recipient_id`

// suppressStrangers looks for the addresses of who is no subscriber on the suppression list. A subscriber's row points at
// the entry; of them nothing is known but the address.
func (db *DB) suppressStrangers(ctx context.Context, owed []delivery.Recipient) error {
	for i := range owed {
		r := &owed[i]
		if r.UID != "" || r.Skip != delivery.NoReason {
			continue
		}
		var reason int16
		err := db.pool.QueryRow(ctx, `SELECT reason FROM suppression WHERE hash = ANY($1) ORDER BY id LIMIT 1`,
			db.addresses.Hashes(r.Email)).Scan(&reason)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return translate(err, "look an address up on the suppression list")
		default:
			r.Skip = delivery.SuppressedBounce - 1 + delivery.Reason(reason)
		}
	}
	return nil
}

// MessageToSend is a message with its publication, or NotFound if its row is no more.
func (db *DB) MessageToSend(ctx context.Context, publicationID int64) (publication.Addressed, error) {
	var a publication.Addressed
	batch := &pgx.Batch{}
	batch.Queue(`SELECT `+publicationColumns+` FROM publication WHERE id = $1`, publicationID).QueryRow(func(row pgx.Row) (err error) {
		a.Publication, err = scanPublication(row)
		return err
	})
	batch.Queue(`
		SELECT coalesce(m.subscriber_id, 0), coalesce(nullif(m.language, ''), s.language, ''), m.letter, m.data, m.tracked, m.expires_at
		FROM message m LEFT JOIN subscriber s ON s.id = m.subscriber_id WHERE m.publication_id = $1`, publicationID).
		QueryRow(func(row pgx.Row) error {
			var data []byte
			if err := row.Scan(&a.Subscriber, &a.Language, &a.Letter, &data, &a.Tracked, &a.ExpiresAt); err != nil {
				return err
			}
			return json.Unmarshal(data, &a.Message.Data)
		})
	err := db.pool.SendBatch(ctx, batch).Close()
	if err != nil {
		return a, translate(missing(err, noMessage), "read a message")
	}
	if pin, ok := a.Templates[channelEmail]; ok {
		a.Template = &pin
	}
	return a, nil
}

// purgeMessages removes whom messages were for that have ended longer ago than keep, and what they were filled with.
const purgeMessages = `
DELETE FROM message WHERE publication_id IN (
    SELECT m.publication_id FROM message m JOIN publication p ON p.id = m.publication_id
    WHERE m.created_at < $1 AND p.completed_at < $1 AND p.state IN ('cancelled', 'completed', 'completed_with_failures', 'failed')
    ORDER BY m.created_at LIMIT $2)`

// PurgeMessages does so, some of them; it is to be repeated until it removes none. What became of them stays.
func (db *DB) PurgeMessages(ctx context.Context, keep time.Duration) (int64, error) {
	tag, err := db.pool.Exec(ctx, purgeMessages, time.Now().Add(-keep), maintainPage)
	return tag.RowsAffected(), translate(err, "remove old messages")
}
