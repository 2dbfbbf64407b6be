package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/ident"
)

// purgeable is the last of the oldest blocks that may go together: sealed before a time, of a block's worth of events or
// the first alone, and never the newest.
const purgeable = `
WITH oldest AS (
    SELECT n, sum(events) OVER (ORDER BY n) AS upto, row_number() OVER (ORDER BY n) AS place
    FROM (SELECT n, events FROM audit_block WHERE sealed_at < $1 ORDER BY n LIMIT 5000) b
)
SELECT coalesce(max(n), 0) FROM oldest
WHERE (upto <= $2 OR place = 1) AND n < (SELECT max(n) FROM audit_block)`

// PurgeAudit removes the oldest blocks that were sealed longer ago than keep, with their events: as many as one block holds,
// so repeat it until it removes none. It goes by whole days (UTC), so that its own lines in the log do not keep it busy for
// ever. The last block's hash becomes the beginning of the chain. A process without SECRET_KEY removes nothing.
func (db *DB) PurgeAudit(ctx context.Context, keep time.Duration) (audit.Purged, error) {
	var p audit.Purged
	if db.chain == nil {
		return p, nil
	}
	err := db.tx(ctx, "remove old blocks of the audit log", func(tx pgx.Tx) error {
		p = audit.Purged{}
		if err := db.AuditLog().alone(ctx, tx); err != nil {
			return err
		}
		before := time.Now().Add(-keep).UTC().Truncate(24 * time.Hour)
		if err := tx.QueryRow(ctx, purgeable, before, chain.BlockRows).Scan(&p.Through); err != nil || p.Through == 0 {
			return err
		}
		last, err := scanBlock(tx.QueryRow(ctx, selectBlock+`WHERE n = $1`, p.Through))
		if err != nil {
			return err
		}
		if err := db.chain.Check(last); err != nil && !errors.Is(err, chain.ErrKey) {
			return err // what is broken stays, to be looked at
		}
		a := db.chain.Sign(last)
		err = tx.QueryRow(ctx, `SELECT blocks, events FROM purge_audit($1, $2, $3, $4)`,
			a.N, keep, a.Key[:], a.Signature[:]).Scan(&p.Blocks, &p.Events)
		if err != nil {
			return err
		}
		return record(ctx, tx, "audit_event", "purge", ident.UID{},
			map[string]any{"blocks": p.Blocks, "events": p.Events, "through": p.Through, "hash": last.Hash.String()})
	})
	return p, err
}
