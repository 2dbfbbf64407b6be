package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/webhook"
)

const noEndpoint = "There is no such webhook endpoint."

// maxEndpoints bounds how many endpoints there are: a process looks at all of them each second, and calls eight times as many
// receivers at once.
const maxEndpoints = 100

const (
	endpointColumns = `id, uid, url, description, events, secrets, enabled, verified, verified_at, disabled_reason, disabled_at,
       failing_since, wait_until, version, created_at, updated_at`
	selectEndpoint = `SELECT ` + endpointColumns + ` FROM webhook_endpoint `
)

// Webhooks is the store of webhook endpoints, and of what is posted to them. Secrets are sealed, each to its row.
type Webhooks struct {
	db     *DB
	sealer *seal.Sealer
}

// Webhooks is the store of webhook endpoints, with the keys to their secrets.
func (db *DB) Webhooks(sealer *seal.Sealer) *Webhooks { return &Webhooks{db: db, sealer: sealer} }

// CreateEndpoint stores an endpoint that webhook.Rules.Check has let through; UID is taken as it is. It returns Conflict if there
// are 100 already.
func (s *Webhooks) CreateEndpoint(ctx context.Context, e webhook.Endpoint) (webhook.Endpoint, error) {
	secrets, err := s.seal(e)
	if err != nil {
		return e, err
	}
	var stored webhook.Endpoint
	err = s.db.tx(ctx, "create a webhook endpoint", func(tx pgx.Tx) error {
		var err error
		stored, err = s.scan(tx.QueryRow(ctx, `
			INSERT INTO webhook_endpoint (uid, url, description, events, secrets, enabled, verified, verified_at)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE (SELECT count(*) FROM webhook_endpoint) < $9
			RETURNING `+endpointColumns,
			e.UID, e.URL, e.Description, subscriptionsOf(e), secrets, e.Enabled, e.Verified, e.VerifiedAt, maxEndpoints))
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.Conflict, "too_many_endpoints", "There are as many webhook endpoints as there may be.")
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, "webhook_endpoint", "create", e.UID, map[string]any{"enabled": e.Enabled, "events": subscriptionsOf(e)})
	})
	s.db.takers.forget()
	return stored, err
}

// Endpoint is the one with a uid, secrets open (or Unreadable), or NotFound.
func (s *Webhooks) Endpoint(ctx context.Context, uid ident.UID) (webhook.Endpoint, error) {
	e, err := s.scan(s.db.pool.QueryRow(ctx, selectEndpoint+`WHERE uid = $1`, uid))
	return e, translate(missing(err, noEndpoint), "read a webhook endpoint")
}

// ListEndpoints is at most limit endpoints with ids above after, by id, secrets open.
func (s *Webhooks) ListEndpoints(ctx context.Context, after int64, limit int) ([]webhook.Endpoint, error) {
	rows, err := s.db.pool.Query(ctx, selectEndpoint+`WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list webhook endpoints")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (webhook.Endpoint, error) { return s.scan(row) })
	return list, translate(err, "list webhook endpoints")
}

// UpdateEndpoint replaces an endpoint by what change makes of it, in one transaction, and raises its version; verb is what the
// audit log calls it. Errors of change pass. What failed at another address, or before it was switched on, is forgotten. It
// returns NotFound.
func (s *Webhooks) UpdateEndpoint(
	ctx context.Context, uid ident.UID, verb string, change func(webhook.Endpoint) (webhook.Endpoint, error),
) (webhook.Endpoint, error) {
	var stored webhook.Endpoint
	err := s.db.tx(ctx, "update a webhook endpoint", func(tx pgx.Tx) error {
		before, err := s.scan(tx.QueryRow(ctx, selectEndpoint+`WHERE uid = $1 FOR UPDATE`, uid))
		if err != nil {
			return missing(err, noEndpoint)
		}
		after, err := change(before)
		if err != nil {
			return err
		}
		if stored, err = s.store(ctx, tx, before, after); err != nil {
			return err
		}
		err = record(ctx, tx, "webhook_endpoint", verb, uid, map[string]any{"fields": endpointFields(before, after), "enabled": after.Enabled})
		if err != nil || !before.Enabled || after.Enabled {
			return err
		}
		return s.db.announce(ctx, tx, disabledEvent(stored))
	})
	s.db.takers.forget()
	return stored, err
}

func (s *Webhooks) store(ctx context.Context, tx pgx.Tx, before, e webhook.Endpoint) (webhook.Endpoint, error) {
	var secrets []byte // they stay as they are: of unreadable ones the key may come back
	if !e.Unreadable {
		var err error
		if secrets, err = s.seal(e); err != nil {
			return e, err
		}
	}
	anew := e.Enabled && !before.Enabled || e.URL != before.URL
	off := before.Enabled && !e.Enabled
	return s.scan(tx.QueryRow(ctx, `
		UPDATE webhook_endpoint SET url = $2, description = $3, events = $4, secrets = coalesce($5, secrets), enabled = $6,
		       verified = $7, verified_at = $8,
		       disabled_reason = CASE WHEN $6 THEN '' WHEN $10 THEN 'client' ELSE disabled_reason END,
		       disabled_at = CASE WHEN $6 THEN NULL WHEN $10 THEN clock_timestamp() ELSE disabled_at END,
		       failing_since = CASE WHEN $9 THEN NULL ELSE failing_since END,
		       wait_until = CASE WHEN $9 THEN NULL ELSE wait_until END,
		       version = version + 1, updated_at = clock_timestamp()
		WHERE id = $1
		RETURNING `+endpointColumns,
		before.ID, e.URL, e.Description, subscriptionsOf(e), secrets, e.Enabled, e.Verified, e.VerifiedAt, anew, off))
}

// DeleteEndpoint removes an endpoint; nothing that is due there is posted any more, and what became of the rest goes when it is
// old. check gets the endpoint first and may refuse. It returns NotFound.
func (s *Webhooks) DeleteEndpoint(ctx context.Context, uid ident.UID, check func(webhook.Endpoint) error) error {
	err := s.db.tx(ctx, "delete a webhook endpoint", func(tx pgx.Tx) error {
		e, err := s.scan(tx.QueryRow(ctx, selectEndpoint+`WHERE uid = $1 FOR UPDATE`, uid))
		if err != nil {
			return missing(err, noEndpoint)
		}
		if err := check(e); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM webhook_endpoint WHERE id = $1`, e.ID); err != nil {
			return err
		}
		return record(ctx, tx, "webhook_endpoint", "delete", uid, nil)
	})
	s.db.takers.forget()
	return err
}

// subscriptionsOf is never null: the column is not.
func subscriptionsOf(e webhook.Endpoint) []string {
	if e.Events == nil {
		return []string{}
	}
	return e.Events
}

// disabledEvent tells the other endpoints, since this one is off by now.
func disabledEvent(e webhook.Endpoint) webhook.Event {
	return webhook.Event{
		Type: webhook.EndpointDisabled, Subject: webhook.SubjectOf("webhook-endpoints", e.UID),
		Data: webhook.EndpointData{Endpoint: e.UID, Reason: string(e.DisabledReason), FailingSince: e.FailingSince},
	}
}
