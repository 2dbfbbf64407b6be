package postgres

import (
	"context"

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

// AuditAppendOnly reports whether the role of this connection can only add to the log, at the end of it.
func (db *DB) AuditAppendOnly(ctx context.Context) (bool, error) {
	var may bool
	err := db.pool.QueryRow(ctx, `
		SELECT bool_or(has_table_privilege(log, 'UPDATE, DELETE, TRUNCATE') OR pg_has_role(relowner, 'MEMBER'))
		       OR has_column_privilege('audit_event', 'id', 'INSERT') OR has_table_privilege('audit_anchor', 'INSERT')
		FROM unnest(ARRAY['audit_event', 'audit_block', 'audit_anchor']) AS log JOIN pg_class ON pg_class.oid = log::regclass`).Scan(&may)
	return !may, translate(err, "read who may change the audit log")
}
