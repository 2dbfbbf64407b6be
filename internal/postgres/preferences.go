package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/telemetry"
)

// A row of subscriber as scanPreferences reads it.
const selectPreferences = `
SELECT s.uid, s.status, ARRAY(SELECT t.slug FROM topic t WHERE t.id = ANY(s.topics) ORDER BY t.slug COLLATE "C"),
       s.channels_off, s.frequency, s.paused_until, s.quiet_from, s.quiet_to, s.language, s.timezone, s.version
FROM subscriber s `

func scanPreferences(row pgx.Row) (subscriber.Preferences, error) {
	var p subscriber.Preferences
	var from, to *int16
	err := row.Scan(&p.UID, &p.Status, &p.Topics, &p.ChannelsOff, &p.Frequency, &p.PausedUntil, &from, &to, &p.Language, &p.Timezone, &p.Version)
	if from != nil && to != nil {
		p.Quiet = &subscriber.Quiet{From: *from, To: *to}
	}
	return p, missing(err, noSubscriber)
}

// Preferences are those of the subscriber with a uid, or NotFound.
func (db *DB) Preferences(ctx context.Context, uid ident.UID) (subscriber.Preferences, error) {
	p, err := scanPreferences(db.pool.QueryRow(ctx, selectPreferences+`WHERE s.uid = $1 AND s.email NOT LIKE '%@deleted.invalid'`, uid))
	return p, translate(err, "read preferences")
}

// Recall remembers what readers chose, for all processes.
type Recall interface {
	// Preferences are those of the reader with a uid, of a version or a later one: remembered, or read.
	Preferences(ctx context.Context, uid ident.UID, version int,
		read func(context.Context) (subscriber.Preferences, error)) (subscriber.Preferences, error)
	// Forget leaves nothing of a reader, and nothing is remembered that was read of them before.
	Forget(ctx context.Context, uid ident.UID)
}

// recalled is Preferences of a version or a later one. Whoever asks for the newest version has read it just now.
func (db *DB) recalled(ctx context.Context, uid ident.UID, version int) (subscriber.Preferences, error) {
	if db.recall == nil {
		return db.Preferences(ctx, uid)
	}
	return db.recall.Preferences(ctx, uid, version, func(ctx context.Context) (subscriber.Preferences, error) { return db.Preferences(ctx, uid) })
}

// noteReading is what record writes, with the version of whom it is about as the answer; of who is no more, none.
const noteReading = `
INSERT INTO audit_event (actor, action, entity, entity_uid, correlation_id, changes)
SELECT $1, 'subscriber.read_preferences', 'subscriber', s.uid, $2, '{"count": 1}'
FROM subscriber s WHERE s.uid = $3 AND s.email NOT LIKE '%@deleted.invalid'
RETURNING (SELECT version FROM subscriber WHERE uid = $3)`

// ReadPreferences is Preferences, remembered, and notes in the audit log that they were read.
func (db *DB) ReadPreferences(ctx context.Context, uid ident.UID) (subscriber.Preferences, error) {
	var version int
	err := db.pool.QueryRow(ctx, noteReading, audit.Actor(ctx), telemetry.Correlation(ctx), uid).Scan(&version)
	if err != nil {
		return subscriber.Preferences{}, translate(missing(err, noSubscriber), "note that preferences are read")
	}
	return db.recalled(ctx, uid, version)
}

// ChangePreferences replaces preferences by what change makes of them, in one transaction; no other change comes between.
// Errors of change pass. What becomes less is effective for everything not yet sent: senders read revoked_at. What was held is
// looked at again. It returns NotFound.
func (db *DB) ChangePreferences(
	ctx context.Context, uid ident.UID, change func(subscriber.Preferences) (subscriber.PreferencesChange, error),
) (subscriber.Preferences, error) {
	var after subscriber.Preferences
	err := db.tx(ctx, "change preferences", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		before, err := scanPreferences(tx.QueryRow(ctx, selectPreferences+`
			WHERE s.uid = $1 AND s.email NOT LIKE '%@deleted.invalid' FOR UPDATE OF s`, uid))
		if err != nil {
			return err
		}
		c, err := change(before)
		if err != nil {
			return err
		}
		fields := c.Fields()
		if after = c.After; len(fields) == 0 {
			return nil
		}
		id, err := writePreferences(ctx, tx, c, &after)
		if err != nil {
			return err
		}
		if err := ReleaseHeld(ctx, tx, id); err != nil {
			return err
		}
		return record(ctx, tx, "subscriber", "preferences", uid, map[string]any{"fields": fields})
	})
	return after, err
}

func writePreferences(ctx context.Context, tx pgx.Tx, c subscriber.PreferencesChange, after *subscriber.Preferences) (id int64, err error) {
	topics, err := topicList(ctx, tx, after.Topics)
	if err != nil {
		return 0, err
	}
	var from, to *int16
	if after.Quiet != nil {
		from, to = &after.Quiet.From, &after.Quiet.To
	}
	off := after.ChannelsOff
	if off == nil {
		off = []int16{}
	}
	err = tx.QueryRow(ctx, `
		UPDATE subscriber SET topics = $2, channels_off = $3, frequency = $4, paused_until = $5, quiet_from = $6, quiet_to = $7,
		       language = $8, timezone = $9, revoked_at = CASE WHEN $10 THEN clock_timestamp() ELSE revoked_at END,
		       version = version + 1, updated_at = clock_timestamp()
		WHERE uid = $1 RETURNING id, version`,
		after.UID, topics, off, int16(after.Frequency), after.PausedUntil, from, to, after.Language, after.Timezone, c.Tightened(),
	).Scan(&id, &after.Version)
	return id, err
}
