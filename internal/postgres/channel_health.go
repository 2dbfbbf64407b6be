package postgres

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
)

// orZero scans a time that may be null into one that is zero then.
func orZero(t *time.Time) *zeronull.Timestamptz { return (*zeronull.Timestamptz)(t) }

// startsAnew reports whether what was seen of a channel says nothing of it after a change: it has other settings, or is
// switched on again by somebody who thinks that it works.
func startsAnew(before, after channel.Channel) bool {
	return !before.Enabled && after.Enabled || before.Provider != after.Provider ||
		!maps.Equal(before.Settings, after.Settings) || !maps.Equal(before.Secrets, after.Secrets)
}

// Prove is the keyed hash of a channel's Proof, to be kept as Verified.
func (s *Channels) Prove(proof []byte) []byte { return s.sealer.Mark(proof) }

// Proves reports whether what was verified is what the proof is of.
func (s *Channels) Proves(verified, proof []byte) bool { return s.sealer.Marked(verified, proof) }

// NoteVerification notes in the audit log what a verification of a version of a channel came to, and keeps what was proven, if
// proof is not nil. Nothing else about the channel changes, its version neither; one that was changed meanwhile keeps what it
// has. It may be repeated.
func (s *Channels) NoteVerification(ctx context.Context, uid ident.UID, version int, works bool, proof []byte) error {
	return s.db.tx(ctx, "note what a verification came to", func(tx pgx.Tx) error {
		if proof != nil {
			if _, err := tx.Exec(ctx, `UPDATE channel SET verified = $3, verified_at = clock_timestamp() WHERE uid = $1 AND version = $2`,
				uid, version, s.Prove(proof)); err != nil {
				return err
			}
		}
		return record(ctx, tx, "channel", "verify", uid, map[string]any{"version": version, "verified": works})
	})
}

// A failure is the first, or follows others. What goes by another version of the settings says nothing of this one.
const noteFailure = `
UPDATE channel SET failing_since = coalesce(failing_since, clock_timestamp())
WHERE id = $1 AND version = $2 AND enabled
RETURNING uid, kind, provider, name, failing_since, failing_since < clock_timestamp() - $3::interval`

const switchOff = `
UPDATE channel SET enabled = false, disabled_reason = $2, disabled_at = clock_timestamp(), version = version + 1,
       updated_at = clock_timestamp()
WHERE id = $1 RETURNING version`

// NoteFailure keeps since when a version of a place does nothing but fail, and switches it off for good reason: at once if
// it is gone, and a webhook after channel.LastingFailure. It returns the channel if this call switched it off, with the
// reason; else NoReason. It may be repeated.
func (s *Channels) NoteFailure(ctx context.Context, id int64, version int, gone bool) (channel.Off, error) {
	off := channel.NoReason
	err := s.db.tx(ctx, "note a channel's failure", func(tx pgx.Tx) error {
		off = channel.NoReason
		c := channel.Channel{ID: id, Enabled: true}
		var kind string
		var lasting bool
		err := tx.QueryRow(ctx, noteFailure, id, version, channel.LastingFailure).
			Scan(&c.UID, &kind, &c.Provider, &c.Name, &c.FailingSince, &lasting)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // changed, or switched off already
		}
		if err != nil {
			return err
		}
		c.Kind = channel.Kind(kind)
		switch {
		case gone:
			off = channel.Gone
		case lasting && c.Kind == channel.Webhook:
			off = channel.Failing
		default:
			return nil
		}
		return s.switchOff(ctx, tx, c, off)
	})
	return off, err
}

func (s *Channels) switchOff(ctx context.Context, tx pgx.Tx, c channel.Channel, why channel.Off) error {
	after := c
	after.Enabled, after.DisabledReason = false, why
	if err := tx.QueryRow(ctx, switchOff, c.ID, why).Scan(&after.Version); err != nil {
		return err
	}
	if err := s.db.announce(ctx, tx, switched(c, after)...); err != nil {
		return err
	}
	return record(ctx, tx, "channel", "switch_off", c.UID, map[string]any{"provider": c.Provider, "reason": why, "failing_since": c.FailingSince.UTC()})
}

// NoteSuccess ends a row of failures of a version of a place. It may be repeated.
func (s *Channels) NoteSuccess(ctx context.Context, id int64, version int) error {
	_, err := s.db.pool.Exec(ctx, `
		UPDATE channel SET failing_since = NULL WHERE id = $1 AND version = $2 AND failing_since IS NOT NULL`, id, version)
	return translate(err, "note a channel's success")
}
