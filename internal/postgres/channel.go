package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
)

const (
	noChannel    = "There is no such channel."
	takenChannel = "There is a channel with this name already."
)

const selectChannel = `SELECT id, uid, kind, provider, name, enabled, settings, secrets, version,
	verified, verified_at, failing_since, disabled_reason, disabled_at FROM channel `

// Channels is the store of channels. Their secrets are sealed in the database, each to its row.
type Channels struct {
	db     *DB
	sealer *seal.Sealer
}

// Channels is the store of channels, with the keys to their secrets.
func (db *DB) Channels(sealer *seal.Sealer) *Channels { return &Channels{db: db, sealer: sealer} }

// CreateChannel stores a channel that channel.Registry.Check has let through. It returns Conflict if its
// name exists.
func (s *Channels) CreateChannel(ctx context.Context, c channel.Channel) (channel.Channel, error) {
	c.UID = ident.New()
	secrets, err := s.seal(c)
	if err != nil {
		return c, err
	}
	err = s.db.tx(ctx, "create a channel", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO channel (uid, kind, provider, name, enabled, settings, secrets, verified, verified_at, disabled_reason, disabled_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
			        CASE WHEN $5 THEN '' ELSE 'client' END, CASE WHEN NOT $5 THEN clock_timestamp() END) RETURNING id, version, disabled_reason, disabled_at`,
			c.UID, string(c.Kind), c.Provider, c.Name, c.Enabled, settingsOf(c), secrets, c.Verified, optionalTime(c.VerifiedAt)).
			Scan(&c.ID, &c.Version, &c.DisabledReason, orZero(&c.DisabledAt))
		if err != nil {
			return taken(err, takenChannel)
		}
		if err := s.db.announce(ctx, tx, switched(channel.Channel{}, c)...); err != nil {
			return err
		}
		return record(ctx, tx, "channel", "create", c.UID, map[string]any{"kind": c.Kind, "provider": c.Provider, "enabled": c.Enabled})
	})
	return c, err
}

// Channel is the one with a uid, secrets open (or Unreadable), or NotFound.
func (s *Channels) Channel(ctx context.Context, uid ident.UID) (channel.Channel, error) {
	c, err := s.scan(s.db.pool.QueryRow(ctx, selectChannel+`WHERE uid = $1`, uid))
	return c, translate(missing(err, noChannel), "read a channel")
}

// ChannelByID is the one with an internal id, secrets open, or NotFound.
func (s *Channels) ChannelByID(ctx context.Context, id int64) (channel.Channel, error) {
	c, err := s.scan(s.db.pool.QueryRow(ctx, selectChannel+`WHERE id = $1`, id))
	return c, translate(missing(err, noChannel), "read a channel")
}

// UpdateChannel replaces a channel by what change makes of it, in one transaction, and raises its version.
// Errors of change pass. It returns NotFound, or Conflict for a name that exists.
func (s *Channels) UpdateChannel(
	ctx context.Context, uid ident.UID, change func(channel.Channel) (channel.Channel, error),
) (channel.Channel, error) {
	var c channel.Channel
	err := s.db.tx(ctx, "update a channel", func(tx pgx.Tx) error {
		before, err := s.scan(tx.QueryRow(ctx, selectChannel+`WHERE uid = $1 FOR UPDATE`, uid))
		if err != nil {
			return missing(err, noChannel)
		}
		if c, err = change(before); err != nil {
			return err
		}
		c.ID, c.UID = before.ID, uid
		secrets, err := s.seal(c)
		if err != nil {
			return err
		}
		if c.Unreadable {
			secrets = nil // they stay as they are: the key may come back
		}
		err = tx.QueryRow(ctx, `
			UPDATE channel SET kind = $2, provider = $3, name = $4, enabled = $5, settings = $6, secrets = coalesce($7, secrets),
			       version = version + 1, updated_at = clock_timestamp(), verified = $8, verified_at = $9,
			       failing_since = CASE WHEN NOT $10::boolean THEN failing_since END,
			       disabled_reason = CASE WHEN $5 THEN '' WHEN enabled THEN 'client' ELSE disabled_reason END,
			       disabled_at = CASE WHEN $5 THEN NULL WHEN enabled THEN clock_timestamp() ELSE disabled_at END
			WHERE id = $1 RETURNING version, failing_since, disabled_reason, disabled_at`,
			c.ID, string(c.Kind), c.Provider, c.Name, c.Enabled, settingsOf(c), secrets, c.Verified, optionalTime(c.VerifiedAt),
			startsAnew(before, c)).Scan(&c.Version, orZero(&c.FailingSince), &c.DisabledReason, orZero(&c.DisabledAt))
		if err != nil {
			return taken(err, takenChannel)
		}
		if err := s.db.announce(ctx, tx, switched(before, c)...); err != nil {
			return err
		}
		return record(ctx, tx, "channel", "update", uid, map[string]any{"provider": c.Provider, "enabled": c.Enabled, "fields": channelFields(before, c)})
	})
	return c, err
}

// DeleteChannel removes a channel; what it still owes is not sent. check is asked with its version and may refuse.
// It returns NotFound.
func (s *Channels) DeleteChannel(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return s.db.tx(ctx, "delete a channel", func(tx pgx.Tx) error {
		var c channel.Channel
		if err := tx.QueryRow(ctx, `DELETE FROM channel WHERE uid = $1 RETURNING version, kind, provider, enabled`, uid).
			Scan(&c.Version, &c.Kind, &c.Provider, &c.Enabled); err != nil {
			return missing(err, noChannel)
		}
		if err := check(c.Version); err != nil {
			return err
		}
		gone := c
		gone.UID, gone.Enabled, gone.DisabledReason = uid, false, deletedChannel
		if err := s.db.announce(ctx, tx, switched(c, gone)...); err != nil {
			return err
		}
		return record(ctx, tx, "channel", "delete", uid, nil)
	})
}

// ListChannels is at most limit channels with ids above after, by id, secrets open.
func (s *Channels) ListChannels(ctx context.Context, after int64, limit int) ([]channel.Channel, error) {
	return s.list(ctx, selectChannel+`WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// EnabledChannels is every channel that is switched on, by id, secrets open.
func (s *Channels) EnabledChannels(ctx context.Context) ([]channel.Channel, error) {
	return s.list(ctx, selectChannel+`WHERE enabled ORDER BY id`)
}

func (s *Channels) list(ctx context.Context, sql string, args ...any) ([]channel.Channel, error) {
	rows, err := s.db.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, translate(err, "list channels")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (channel.Channel, error) { return s.scan(row) })
	return list, translate(err, "list channels")
}

func (s *Channels) scan(row pgx.Row) (channel.Channel, error) {
	var c channel.Channel
	var kind string
	var sealed []byte
	err := row.Scan(&c.ID, &c.UID, &kind, &c.Provider, &c.Name, &c.Enabled, &c.Settings, &sealed, &c.Version,
		&c.Verified, orZero(&c.VerifiedAt), orZero(&c.FailingSince), &c.DisabledReason, orZero(&c.DisabledAt))
	if err != nil {
		return c, err
	}
	c.Kind, c.Secrets = channel.Kind(kind), map[string]string{}
	if len(sealed) == 0 {
		return c, nil
	}
	plain, err := s.sealer.Open(sealed, sealContext(c))
	if err != nil {
		// One such channel stops neither the others nor its being switched off.
		c.Unreadable = true
		return c, nil //nolint:nilerr // as said
	}
	return c, json.Unmarshal(plain, &c.Secrets)
}

func (s *Channels) seal(c channel.Channel) ([]byte, error) {
	if len(c.Secrets) == 0 {
		return []byte{}, nil
	}
	plain, err := json.Marshal(c.Secrets)
	if err != nil {
		return nil, fmt.Errorf("write the secrets of a channel: %w", err)
	}
	return s.sealer.Seal(plain, sealContext(c)), nil
}

// sealContext binds secrets to their row.
func sealContext(c channel.Channel) string { return "channel/" + c.UID.String() }

// settingsOf is never null: the column is not.
func settingsOf(c channel.Channel) map[string]string {
	if c.Settings == nil {
		return map[string]string{}
	}
	return c.Settings
}
