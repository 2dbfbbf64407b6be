package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
)

// selectRequest finds a request; that of who was forgotten is not found. Void is one after which the reader withdrew, and one that was
// mailed to an address which is not theirs any more: who reads mail there has not been asked about the other.
const selectRequest = `
SELECT c.id, s.id, s.uid, s.email, s.language, c.topics, s.status = 'active',
       c.detail::jsonb ->> 'email' IS DISTINCT FROM s.email
       OR EXISTS (SELECT FROM consent w WHERE w.subscriber = c.subscriber AND w.id > c.id AND w.event IN ('withdrawn', 'suppressed'))
FROM consent c JOIN subscriber s ON s.id = c.subscriber_id AND s.uid = c.subscriber
WHERE c.id = $2 AND c.event = 'requested' AND s.id = $1 AND s.email NOT LIKE '%@deleted.invalid'`

func scanRequest(row pgx.Row) (consent.Request, error) {
	var r consent.Request
	err := row.Scan(&r.ID, &r.SubscriberID, &r.Subscriber, &r.Email, &r.Language, &r.Topics, &r.Done, &r.Void)
	return r, missing(err, "There is no such request.")
}

// Request is what a link asks to confirm, or NotFound.
func (s *Subscriptions) Request(ctx context.Context, reader, request int64) (consent.Request, error) {
	r, err := scanRequest(s.db.pool.QueryRow(ctx, selectRequest, reader, request))
	return r, translate(err, "read a request")
}

// Confirm makes the reader active who asked for it, with the topics of the request, unless they withdrew after they had asked, or
// have another address since. It may be repeated.
func (s *Subscriptions) Confirm(ctx context.Context, reader, request int64) (consent.Outcome, error) {
	outcome := consent.Stale
	err := s.db.tx(ctx, "confirm a subscription", func(tx pgx.Tx) error {
		outcome = consent.Stale
		if err := consenting(ctx, tx, consent.Page); err != nil {
			return err
		}
		_, err := scanRequest(tx.QueryRow(ctx, selectRequest+` FOR UPDATE OF s`, reader, request))
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := scanRequest(tx.QueryRow(ctx, selectRequest, reader, request)) // as it is since the reader is locked
		if err != nil {
			return err
		}
		switch {
		case r.Void:
			return nil
		case r.Done:
			outcome = consent.Before
			return nil
		}
		outcome = consent.Now
		return activate(ctx, tx, r)
	})
	return outcome, err
}

func activate(ctx context.Context, tx pgx.Tx, r consent.Request) error {
	_, err := tx.Exec(ctx, `
		UPDATE subscriber SET status = 'active', consent_at = clock_timestamp(), consent_source = 'double opt-in',
		       topics = ARRAY(SELECT id FROM topic WHERE slug = ANY($2) ORDER BY slug COLLATE "C"),
		       revoked_at = CASE WHEN topics <@ ARRAY(SELECT id FROM topic WHERE slug = ANY($2)) THEN revoked_at ELSE clock_timestamp() END,
		       version = version + 1, updated_at = clock_timestamp()
		WHERE id = $1`, r.SubscriberID, r.Topics)
	if err != nil {
		return err
	}
	return record(ctx, tx, "subscriber", "confirm", r.Subscriber, nil)
}
