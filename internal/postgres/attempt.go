package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

const insertAttempts = `
INSERT INTO delivery_attempt (publication_id, channel_id, recipient_id, attempt, state, reason, outlet_id,
                              error_kind, error_code, error, session_id, late)
SELECT i.publication_id, i.channel_id, i.recipient_id, i.attempt, i.state, i.reason, nullif(i.outlet_id, 0),
       i.error_kind, i.error_code, i.error, $11, $12
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::smallint[], $7::bigint[],
            $8::text[], $9::text[], $10::text[])
     AS i (publication_id, channel_id, recipient_id, attempt, state, reason, outlet_id, error_kind, error_code, error)`

// keepAttempt reports an attempt that has a row of its own: whatever was not accepted, and an acceptance that was not the
// first try. All else is in the ledger, whose hot path pays nothing.
func keepAttempt(o delivery.Outcome) bool {
	return o.Cause != nil || o.State == delivery.Sent && o.Attempt > 1
}

// addAttempts writes down what came of attempts of a session, late or in time.
func addAttempts(ctx context.Context, tx pgx.Tx, session int64, late bool, outcomes []delivery.Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	c := outcomesOf(outcomes)
	outlets := column(outcomes, func(o delivery.Outcome) int64 { return o.Outlet })
	causes := column(outcomes, func(o delivery.Outcome) delivery.Cause {
		if o.Cause == nil {
			return delivery.Cause{}
		}
		return *o.Cause
	})
	_, err := tx.Exec(ctx, insertAttempts, c.publication, c.channel, c.recipient, c.attempt, c.state, c.reason, outlets,
		column(causes, func(c delivery.Cause) string { return c.Kind }),
		column(causes, func(c delivery.Cause) string { return storable(c.Code) }),
		column(causes, func(c delivery.Cause) string { return storable(c.Error) }), session, late)
	return err
}
