package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
)

// Seals is how the secrets of each channel that has some are sealed, by id.
func (s *Channels) Seals(ctx context.Context) ([]channel.Seal, error) {
	rows, err := s.db.pool.Query(ctx, `SELECT uid, name, enabled, secrets FROM channel WHERE secrets <> '' ORDER BY id`)
	if err != nil {
		return nil, translate(err, "list the seals of channels")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (channel.Seal, error) {
		var one channel.Seal
		var sealed []byte
		err := row.Scan(&one.UID, &one.Name, &one.Enabled, &sealed)
		one.Key, one.State = seal.KeyOf(sealed), s.state(one.UID, sealed)
		return one, err
	})
	return list, translate(err, "list the seals of channels")
}

func (s *Channels) state(uid ident.UID, sealed []byte) channel.SealState {
	_, err := s.sealer.Open(sealed, sealContext(channel.Channel{UID: uid}))
	switch {
	case err != nil:
		return channel.SealedLost
	case s.sealer.Stale(sealed):
		return channel.SealedPrevious
	default:
		return channel.SealedNewest
	}
}

// Reseal seals the secrets of a channel with the newest key if they are sealed with a previous one, and reports whether
// they were. Nothing else about the channel changes, its version neither: who holds it open goes on. It may be repeated,
// and called while others change the channel. A channel that is gone or has no secrets by now needs nothing;
// channel.ErrUnreadable if none of the keys opens them.
func (s *Channels) Reseal(ctx context.Context, uid ident.UID) (bool, error) {
	stale := false
	err := s.db.tx(ctx, "reseal a channel", func(tx pgx.Tx) error {
		stale = false // of this attempt
		var sealed []byte
		err := tx.QueryRow(ctx, `SELECT secrets FROM channel WHERE uid = $1 FOR UPDATE`, uid).Scan(&sealed)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && len(sealed) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		row := sealContext(channel.Channel{UID: uid})
		plain, err := s.sealer.Open(sealed, row)
		if err != nil {
			return channel.ErrUnreadable
		}
		if stale = s.sealer.Stale(sealed); !stale {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE channel SET secrets = $2 WHERE uid = $1`, uid, s.sealer.Seal(plain, row)); err != nil {
			return err
		}
		return record(ctx, tx, "channel", "reseal", uid, map[string]any{"key": s.sealer.Newest(), "previous_key": seal.KeyOf(sealed)})
	})
	return stale && err == nil, err
}
