package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

const (
	noSubscriber    = "There is no such subscriber."
	takenSubscriber = "There is a subscriber with this address already."
)

// A row of subscriber as scanSubscriber reads it. Topics come with it as slugs: a list is one query.
const selectSubscriber = `
SELECT s.id, s.uid, s.email, s.name, s.language, s.timezone, s.country, s.status,
       ARRAY(SELECT t.slug FROM topic t WHERE t.id = ANY(s.topics) ORDER BY t.slug COLLATE "C"),
       s.attributes, s.consent_source, s.consent_at, s.revoked_at, s.version, s.created_at, s.updated_at
FROM subscriber s`

// CreateSubscriber stores a subscriber made by subscriber.New; topics that are new are made too. An
// active one has consented now. It returns Conflict if the address exists.
func (db *DB) CreateSubscriber(ctx context.Context, s subscriber.Subscriber) (subscriber.Subscriber, error) {
	s.UID = ident.New()
	err := db.tx(ctx, "create a subscriber", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		if err := createSubscriber(ctx, tx, &s); err != nil {
			return err
		}
		return db.honourSuppressions(ctx, tx, s.Email)
	})
	return s, err
}

// createSubscriber stores s, which has its uid, and completes it. The suppression list is still to be honoured.
func createSubscriber(ctx context.Context, tx pgx.Tx, s *subscriber.Subscriber) error {
	topics, err := topicList(ctx, tx, s.Topics)
	if err != nil {
		return err
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO subscriber (uid, email, name, language, timezone, status, topics, attributes, consent_source, country, consent_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $6 = 'active' THEN clock_timestamp() END)
		RETURNING id, consent_at, version, created_at, updated_at`,
		s.UID, s.Email, s.Name, s.Language, s.Timezone, string(s.Status), topics, s.Attributes, s.ConsentSource, s.Country,
	).Scan(&s.ID, &s.ConsentAt, &s.Version, &s.CreatedAt, &s.UpdatedAt)
	if err != nil {
		return taken(err, takenSubscriber)
	}
	return record(ctx, tx, "subscriber", "create", s.UID, nil)
}

// Subscriber is the one with a uid, or NotFound.
func (db *DB) Subscriber(ctx context.Context, uid ident.UID) (subscriber.Subscriber, error) {
	s, err := scanSubscriber(db.pool.QueryRow(ctx, selectSubscriber+`
		WHERE s.uid = $1 AND s.email NOT LIKE '%@deleted.invalid'`, uid))
	return s, translate(missing(err, noSubscriber), "read a subscriber")
}

// SubscriberByID is the one with an internal id, or NotFound.
func (db *DB) SubscriberByID(ctx context.Context, id int64) (subscriber.Subscriber, error) {
	s, err := scanSubscriber(db.pool.QueryRow(ctx, selectSubscriber+`
		WHERE s.id = $1 AND s.email NOT LIKE '%@deleted.invalid'`, id))
	return s, translate(missing(err, noSubscriber), "read a subscriber")
}

// UpdateSubscriber replaces a subscriber by what change makes of it, in one transaction; no other change
// comes between. Errors of change pass. It returns NotFound, or Conflict if the new address exists.
func (db *DB) UpdateSubscriber(
	ctx context.Context, uid ident.UID, change func(subscriber.Subscriber) (subscriber.Change, error),
) (subscriber.Subscriber, error) {
	var s subscriber.Subscriber
	err := db.tx(ctx, "update a subscriber", func(tx pgx.Tx) (err error) {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		var moved bool
		if s, moved, err = updateSubscriber(ctx, tx, uid, change); err != nil || !moved {
			return err
		}
		return db.honourSuppressions(ctx, tx, s.Email)
	})
	return s, err
}

// updateSubscriber is UpdateSubscriber in a transaction. moved says that the address is another: the suppression list is still
// to be honoured.
func updateSubscriber(
	ctx context.Context, tx pgx.Tx, uid ident.UID, change func(subscriber.Subscriber) (subscriber.Change, error),
) (s subscriber.Subscriber, moved bool, err error) {
	before, err := lockSubscriber(ctx, tx, uid)
	if err != nil {
		return s, false, err
	}
	c, err := change(before)
	if err != nil {
		return s, false, err
	}
	if s = c.After; c.Empty() {
		return s, false, nil
	}
	if err := writeChange(ctx, tx, c, &s); err != nil {
		return s, false, taken(err, takenSubscriber)
	}
	if c.Reconsidered() {
		if err := ReleaseHeld(ctx, tx, s.ID); err != nil {
			return s, false, err
		}
	}
	return s, s.Email != before.Email, record(ctx, tx, "subscriber", "update", uid, map[string]any{"fields": c.Fields})
}

func lockSubscriber(ctx context.Context, tx pgx.Tx, uid ident.UID) (subscriber.Subscriber, error) {
	s, err := scanSubscriber(tx.QueryRow(ctx, selectSubscriber+`
		WHERE s.uid = $1 AND s.email NOT LIKE '%@deleted.invalid' FOR UPDATE OF s`, uid))
	return s, missing(err, noSubscriber)
}

func writeChange(ctx context.Context, tx pgx.Tx, c subscriber.Change, s *subscriber.Subscriber) error {
	topics, err := topicList(ctx, tx, s.Topics)
	if err != nil {
		return err
	}
	return tx.QueryRow(ctx, `
		UPDATE subscriber SET email = $2, name = $3, language = $4, timezone = $5, status = $6, topics = $7,
		       attributes = $8, consent_source = $9, country = $12, suppression_id = CASE WHEN email = $2 THEN suppression_id END,
		       consent_at = CASE WHEN $10 THEN clock_timestamp() ELSE consent_at END,
		       revoked_at = CASE WHEN $11 THEN clock_timestamp() ELSE revoked_at END,
		       version = version + 1, updated_at = clock_timestamp()
		WHERE id = $1
		RETURNING consent_at, revoked_at, version, updated_at`,
		s.ID, s.Email, s.Name, s.Language, s.Timezone, string(s.Status), topics, s.Attributes, s.ConsentSource,
		c.Consented, c.Revoked, s.Country,
	).Scan(&s.ConsentAt, &s.RevokedAt, &s.Version, &s.UpdatedAt)
}

// DeleteSubscriber forgets a subscriber: at once nothing personal is left of them and nobody sends to
// them; PurgeSubscribers removes the empty row later. change is asked first and may refuse. It returns
// NotFound.
func (db *DB) DeleteSubscriber(ctx context.Context, uid ident.UID, change func(subscriber.Subscriber) error) error {
	return db.tx(ctx, "delete a subscriber", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		return deleteSubscriber(ctx, tx, uid, change)
	})
}

// emptySubscribers leaves nothing personal of the subscribers with some ids.
const emptySubscribers = `
UPDATE subscriber SET email = uid || '@deleted.invalid', name = '', language = 'en', timezone = 'UTC', country = '',
       status = 'unsubscribed', topics = '{}', attributes = '{}', consent_source = '', consent_at = NULL,
       channels_off = '{}', frequency = 0, paused_until = NULL, quiet_from = NULL, quiet_to = NULL,
       revoked_at = clock_timestamp(), version = version + 1, updated_at = clock_timestamp()
WHERE id = ANY($1)`

// empty leaves nothing personal of the subscribers with some ids, and takes them out of what was written down of segments.
func empty(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if _, err := tx.Exec(ctx, emptySubscribers, ids); err != nil {
		return fmt.Errorf("empty subscribers: %w", err)
	}
	if err := leaveSnapshots(ctx, tx, ids); err != nil {
		return fmt.Errorf("take subscribers out of snapshots: %w", err)
	}
	return nil
}

// forget leaves nothing personal of the subscribers with some ids and addresses, nor of the messages to them.
func forget(ctx context.Context, tx pgx.Tx, ids []int64, addresses []string) error {
	if err := empty(ctx, tx, ids); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, emptyMessages, ids, addresses); err != nil {
		return fmt.Errorf("empty messages to subscribers: %w", err)
	}
	return nil
}

// deleteSubscriber is DeleteSubscriber in a transaction.
func deleteSubscriber(ctx context.Context, tx pgx.Tx, uid ident.UID, check func(subscriber.Subscriber) error) error {
	before, err := lockSubscriber(ctx, tx, uid)
	if err != nil {
		return err
	}
	if err := check(before); err != nil {
		return err
	}
	if err := forget(ctx, tx, []int64{before.ID}, []string{before.Email}); err != nil {
		return err
	}
	if err := ReleaseHeld(ctx, tx, before.ID); err != nil {
		return err
	}
	return record(ctx, tx, "subscriber", "delete", uid, nil)
}

// PurgeSubscribers removes at most limit rows that DeleteSubscriber emptied before a time, and says how
// many. It may be repeated. The time lies further back than any batch can be in hand.
func (db *DB) PurgeSubscribers(ctx context.Context, before time.Time, limit int) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM subscriber WHERE id IN (
			SELECT id FROM subscriber WHERE revoked_at < $1 AND email LIKE '%@deleted.invalid' LIMIT $2)`, before, limit)
	return tag.RowsAffected(), translate(err, "remove deleted subscribers")
}

// topicList is the ids of topics; new ones are made, in tx.
func topicList(ctx context.Context, tx pgx.Tx, slugs []string) ([]int32, error) {
	byName, err := ensureTopics(ctx, tx, slugs)
	if err != nil {
		return nil, err
	}
	ids := make([]int32, 0, len(slugs))
	for _, slug := range slugs {
		ids = append(ids, byName[slug])
	}
	return ids, nil
}

func scanSubscriber(row pgx.Row) (subscriber.Subscriber, error) {
	var s subscriber.Subscriber
	var status string
	err := row.Scan(&s.ID, &s.UID, &s.Email, &s.Name, &s.Language, &s.Timezone, &s.Country, &status, &s.Topics, &s.Attributes,
		&s.ConsentSource, &s.ConsentAt, &s.RevokedAt, &s.Version, &s.CreatedAt, &s.UpdatedAt)
	s.Status = subscriber.Status(status)
	return s, err
}
