package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/ident"
)

const policyColumns = `coalesce(quiet_from, 0), coalesce(quiet_to, 0), version, updated_at`

// DeliveryPolicy is what the organisation says of when readers may be sent to.
func (db *DB) DeliveryPolicy(ctx context.Context) (eligibility.Policy, error) {
	p, err := scanPolicy(db.pool.QueryRow(ctx, `SELECT `+policyColumns+` FROM delivery_policy`))
	return p, translate(err, "read the delivery policy")
}

// ChangeDeliveryPolicy replaces the policy. check is asked first and may refuse. Who decides about a reader reads it each time,
// so it holds from the commit on.
func (db *DB) ChangeDeliveryPolicy(ctx context.Context, p eligibility.Policy, check func(version int) error) (eligibility.Policy, error) {
	err := db.tx(ctx, "change the delivery policy", func(tx pgx.Tx) error {
		var version int
		if err := tx.QueryRow(ctx, `SELECT version FROM delivery_policy FOR NO KEY UPDATE`).Scan(&version); err != nil {
			return err
		}
		if err := check(version); err != nil {
			return err
		}
		var from, to *int
		if !p.Quiet.None() {
			from, to = &p.Quiet.From, &p.Quiet.To
		}
		var err error
		if p, err = scanPolicy(tx.QueryRow(ctx, `
			UPDATE delivery_policy SET quiet_from = $1, quiet_to = $2, version = version + 1, updated_at = clock_timestamp()
			RETURNING `+policyColumns, from, to)); err != nil {
			return err
		}
		return record(ctx, tx, "delivery_policy", "update", ident.UID{}, map[string]any{"version": p.Version})
	})
	return p, err
}

func scanPolicy(row pgx.Row) (p eligibility.Policy, err error) {
	err = row.Scan(&p.Quiet.From, &p.Quiet.To, &p.Version, &p.UpdatedAt)
	return p, err
}
