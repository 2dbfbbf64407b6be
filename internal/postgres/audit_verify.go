package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
)

// auditRows are at most limit rows with ids from first to last, in the form in which they are sealed.
func auditRows(ctx context.Context, q querier, first, last int64, limit int) ([]audit.Row, error) {
	rows, err := q.Query(ctx, `
		SELECT id, CASE WHEN isfinite(at) THEN (extract(epoch FROM at) * 1000000)::bigint ELSE -9223372036854775808 END,
		       actor, action, entity, coalesce(uuid_send(entity_uid), ''), correlation_id, changes::text
		FROM audit_event WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3`, first, last, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (audit.Row, error) {
		var r audit.Row
		err := row.Scan(&r.ID, &r.At, &r.Actor, &r.Action, &r.Entity, &r.EntityUID, &r.CorrelationID, &r.Changes)
		return r, err
	})
}

// AuditRows are at most limit rows with ids from first to last, in the order of their ids.
func (db *DB) AuditRows(ctx context.Context, first, last int64, limit int) ([]audit.Row, error) {
	rows, err := auditRows(ctx, db.pool, first, last, limit)
	return rows, translate(err, "read the audit log")
}

// AuditBlock is the first block with a number above n; zero if there is none.
func (db *DB) AuditBlock(ctx context.Context, n int64) (audit.Block, error) {
	b, err := scanBlock(db.pool.QueryRow(ctx, selectBlock+`WHERE n > $1 ORDER BY n LIMIT 1`, n))
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Block{}, nil
	}
	return b, translate(err, "read a block of the audit log")
}

// NewestAuditBlock is the last of the chain; zero if there is none.
func (db *DB) NewestAuditBlock(ctx context.Context) (audit.Block, error) {
	b, err := scanBlock(db.pool.QueryRow(ctx, selectBlock+`ORDER BY n DESC LIMIT 1`))
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Block{}, nil
	}
	return b, translate(err, "read the newest block of the audit log")
}

// AuditAnchor is what was removed last because its time was over; zero if nothing was.
func (db *DB) AuditAnchor(ctx context.Context) (audit.Anchor, error) {
	var a audit.Anchor
	var hash, key, signature []byte
	err := db.pool.QueryRow(ctx, `SELECT n, last_id, hash, key_id, signature FROM audit_anchor`).
		Scan(&a.N, &a.Last, &hash, &key, &signature)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, nil
	}
	copy(a.Hash[:], hash)
	copy(a.Key[:], key)
	copy(a.Signature[:], signature)
	return a, translate(err, "read the beginning of the audit log")
}

// AuditUnsealed is how many rows have ids above last, at most limit.
func (db *DB) AuditUnsealed(ctx context.Context, last int64, limit int) (int64, error) {
	var n int64
	err := db.pool.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM audit_event WHERE id > $1 LIMIT $2) e`, last, limit).Scan(&n)
	return n, translate(err, "count what of the audit log is not sealed")
}

// AuditAppendOnly reports whether the role of this connection can only add to the log, at the end of it.
func (db *DB) AuditAppendOnly(ctx context.Context) (bool, error) {
	var may bool
	err := db.pool.QueryRow(ctx, `
		SELECT bool_or(has_table_privilege(log, 'UPDATE, DELETE, TRUNCATE') OR pg_has_role(relowner, 'MEMBER'))
		       OR has_column_privilege('audit_event', 'id', 'INSERT') OR has_table_privilege('audit_anchor', 'INSERT')
		FROM unnest(ARRAY['audit_event', 'audit_block', 'audit_anchor']) AS log JOIN pg_class ON pg_class.oid = log::regclass`).Scan(&may)
	return !may, translate(err, "read who may change the audit log")
}
