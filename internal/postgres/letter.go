package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
)

const channelEmail = string(channel.Email)

// SendLetter stores a letter of our own, on its way, and returns the id of its message. It is durable then. It returns
// Conflict (no_default_sender) while there is nobody whom it could be from. With a Key it may be repeated.
func (db *DB) SendLetter(ctx context.Context, l letter.Letter) (ident.UID, error) {
	var uid ident.UID
	err := db.tx(ctx, "send a letter", func(tx pgx.Tx) (err error) {
		uid, err = db.sendLetter(ctx, tx, l)
		return err
	})
	return uid, err
}

// sendLetter does so within the transaction of what the letter tells of. With the same Key, by the same actor, within 24
// hours it stores nothing more, and returns the id of the first.
func (db *DB) sendLetter(ctx context.Context, tx pgx.Tx, l letter.Letter) (ident.UID, error) {
	if err := l.Check(); err != nil {
		return ident.UID{}, err
	}
	one, err := posted(ctx, l)
	if err != nil {
		return ident.UID{}, err
	}
	if err := resolveLetter(ctx, tx, l, one); err != nil {
		return ident.UID{}, err
	}
	var b pgx.Batch
	stored := make(map[int]time.Time, 1)
	if err := db.queueMessages(ctx, tx, &b, placed{places: []int{0}, list: []*acceptance{one}}, stored); err != nil {
		return ident.UID{}, err
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return ident.UID{}, err
	}
	if len(stored) == 0 {
		return earlierLetter(ctx, tx, one)
	}
	return one.uid, nil
}

// posted is a letter as a message that waits to be stored.
func posted(ctx context.Context, l letter.Letter) (*acceptance, error) {
	data := maps.Clone(l.Data)
	if l.ExpiresAt != nil {
		data[letter.Until] = l.ExpiresAt.UTC().Format(time.DateOnly)
	}
	text, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode the data of a letter: %w", err)
	}
	one := &acceptance{uid: ident.New(), actor: audit.Actor(ctx), correlation: telemetry.Correlation(ctx), trace: telemetry.TraceParent(ctx)}
	one.Title, one.Key = l.Kind.TemplateName(), l.Key
	one.Message = &publication.Message{Subscriber: l.Subscriber, Language: l.Language, Letter: string(l.Kind),
		To: publication.Addressee{Email: l.Email, Name: l.Name}, Data: data, Encoded: string(text), ExpiresAt: l.ExpiresAt}
	return one, nil
}

// letterSender is who a letter of the brand $1 is from unless told; null: nobody.
const letterSender = `coalesce((SELECT sender_id FROM brand WHERE slug = $1), (SELECT id FROM sender_identity WHERE is_default))`

// mayWrite is Conflict (no_default_sender) while there is nobody whom letters of a brand could be from.
func mayWrite(ctx context.Context, tx pgx.Tx, brand string) error {
	var from *int32
	if err := tx.QueryRow(ctx, `SELECT `+letterSender, brand).Scan(&from); err != nil || from != nil {
		return err
	}
	return errNoSender()
}

func errNoSender() error {
	return fault.New(fault.Conflict, "no_default_sender", "There is no sender identity that the letter could be from.")
}

// resolveLetter finds who a letter is from, whether its address is a subscriber's, and whether operators replaced its text.
func resolveLetter(ctx context.Context, tx pgx.Tx, l letter.Letter, one *acceptance) error {
	var subscriber, template *int64
	var version *int
	err := tx.QueryRow(ctx, `
		SELECT CASE WHEN $4::uuid IS NOT NULL THEN (SELECT id FROM sender_identity WHERE uid = $4) ELSE `+letterSender+` END,
		       (SELECT id FROM subscriber WHERE email = $2 AND $2 <> ''), t.id, t.version
		FROM (SELECT) one LEFT JOIN template t ON t.name = $3 AND t.channel = 'email'`,
		l.Brand, l.Email, l.Kind.TemplateName(), optionalUID(l.Sender)).Scan(&one.SenderID, &subscriber, &template, &version)
	switch {
	case err != nil:
		return err
	case one.SenderID == nil:
		return errNoSender()
	}
	if subscriber != nil {
		one.Message.Subscriber, one.Message.To = *subscriber, publication.Addressee{}
	}
	if template != nil {
		one.Message.Template = &publication.Pin{ID: *template, Version: *version}
	}
	return nil
}

// earlierLetter is the one that was handed in with the same key.
func earlierLetter(ctx context.Context, tx pgx.Tx, one *acceptance) (ident.UID, error) {
	var uid ident.UID
	err := tx.QueryRow(ctx, `
		SELECT p.uid FROM idempotency i JOIN publication p ON p.id = i.publication_id
		WHERE i.principal = $1 AND i.route = $2 AND i.key = $3`, one.actor, letterRoute, one.Key).Scan(&uid)
	return uid, err
}

// wipeLetters empties letters that have settled for good, or whose time has passed: what is left of a link that lets its reader
// in are the mail and its hash at most. One that failed may be replayed until then, and one that is uncertain sent again.
func (db *DB) wipeLetters(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE message m SET data = '{}' FROM publication p
		WHERE m.letter <> '' AND m.data <> '{}' AND p.id = m.publication_id
		  AND (p.state = 'cancelled' OR m.expires_at < clock_timestamp()
		       OR p.state = 'completed' AND NOT EXISTS (SELECT FROM batch WHERE publication_id = p.id AND n_uncertain > 0))`)
	return translate(err, "wipe letters")
}
