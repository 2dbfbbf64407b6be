package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
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
