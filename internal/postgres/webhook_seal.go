package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/webhook"
)

func (s *Webhooks) scan(row pgx.Row) (webhook.Endpoint, error) {
	var e webhook.Endpoint
	var sealed []byte
	err := row.Scan(&e.ID, &e.UID, &e.URL, &e.Description, &e.Events, &sealed, &e.Enabled, &e.Verified, &e.VerifiedAt,
		&e.DisabledReason, &e.DisabledAt, &e.FailingSince, &e.WaitUntil, &e.Version, &e.CreatedAt, &e.UpdatedAt)
	if err != nil {
		return e, err
	}
	plain, err := s.sealer.Open(sealed, endpointContext(e.UID))
	if err != nil {
		// One such endpoint stops neither the others nor its being switched off.
		e.Unreadable = true
		return e, nil //nolint:nilerr // as said
	}
	e.Secrets, err = webhook.ParseSecrets(plain)
	return e, err
}

func (s *Webhooks) seal(e webhook.Endpoint) ([]byte, error) {
	plain, err := e.Secrets.Marshal()
	if err != nil {
		return nil, err
	}
	return s.sealer.Seal(plain, endpointContext(e.UID)), nil
}

// endpointContext binds secrets to their row.
func endpointContext(uid ident.UID) string { return "webhook_endpoint/" + uid.String() }

// Seals is how the secrets of each endpoint are sealed, by id. An endpoint is named by its address.
func (s *Webhooks) Seals(ctx context.Context) ([]channel.Seal, error) {
	rows, err := s.db.pool.Query(ctx, `SELECT uid, enabled, secrets FROM webhook_endpoint ORDER BY id`)
	if err != nil {
		return nil, translate(err, "list the seals of webhook endpoints")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (channel.Seal, error) {
		var one channel.Seal
		var sealed []byte
		err := row.Scan(&one.UID, &one.Enabled, &sealed)
		one.Name, one.Key, one.State = "webhook endpoint "+one.UID.String(), seal.KeyOf(sealed), s.state(one.UID, sealed)
		return one, err
	})
	return list, translate(err, "list the seals of webhook endpoints")
}

func (s *Webhooks) state(uid ident.UID, sealed []byte) channel.SealState {
	_, err := s.sealer.Open(sealed, endpointContext(uid))
	switch {
	case err != nil:
		return channel.SealedLost
	case s.sealer.Stale(sealed):
		return channel.SealedPrevious
	default:
		return channel.SealedNewest
	}
}

// Reseal is Channels.Reseal for an endpoint.
func (s *Webhooks) Reseal(ctx context.Context, uid ident.UID) (bool, error) {
	stale := false
	err := s.db.tx(ctx, "reseal a webhook endpoint", func(tx pgx.Tx) error {
		stale = false // of this attempt
		var sealed []byte
		err := tx.QueryRow(ctx, `SELECT secrets FROM webhook_endpoint WHERE uid = $1 FOR UPDATE`, uid).Scan(&sealed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		plain, err := s.sealer.Open(sealed, endpointContext(uid))
		if err != nil {
			return channel.ErrUnreadable
		}
		if stale = s.sealer.Stale(sealed); !stale {
			return nil
		}
		_, err = tx.Exec(ctx, `UPDATE webhook_endpoint SET secrets = $2 WHERE uid = $1`, uid, s.sealer.Seal(plain, endpointContext(uid)))
		if err != nil {
			return err
		}
		return record(ctx, tx, "webhook_endpoint", "reseal", uid, map[string]any{"key": s.sealer.Newest(), "previous_key": seal.KeyOf(sealed)})
	})
	return stale && err == nil, err
}

func endpointFields(a, b webhook.Endpoint) []string {
	return edited(field{"url", a.URL == b.URL}, field{"description", a.Description == b.Description},
		field{"events", slices.Equal(a.Events, b.Events)}, field{"enabled", a.Enabled == b.Enabled},
		field{"secret", a.Secrets.Current == b.Secrets.Current}, field{"verified", slices.Equal(a.Verified, b.Verified)})
}
