package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/telemetry"
)

// record writes a line of the audit log in the transaction of the change it tells of. Actor and
// correlation id come from ctx. The action is "entity.verb"; uid is zero when many changed at once;
// changes hold ids, counts and field names, never personal values, and may be nil.
func record(ctx context.Context, tx pgx.Tx, entity, verb string, uid ident.UID, changes map[string]any) error {
	if changes == nil {
		changes = map[string]any{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO audit_event (actor, action, entity, entity_uid, correlation_id, changes)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		audit.Actor(ctx), entity+"."+verb, entity, optionalUID(uid), telemetry.Correlation(ctx), changes)
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// line is what record writes of one thing.
type line struct {
	verb    string
	uid     ident.UID
	changes map[string]any
}

// recordAll is record for many things of one kind, in one statement.
func recordAll(ctx context.Context, tx pgx.Tx, entity string, lines []line) error {
	if len(lines) == 0 {
		return nil
	}
	changes := func(l line) string {
		if l.changes == nil {
			return "{}"
		}
		return encoded(l.changes)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO audit_event (actor, action, entity, entity_uid, correlation_id, changes)
		SELECT $1, $2 || '.' || verb, $2, uid, $3, changes::jsonb
		FROM unnest($4::text[], $5::uuid[], $6::text[]) WITH ORDINALITY AS n (verb, uid, changes, n) ORDER BY n`,
		audit.Actor(ctx), entity, telemetry.Correlation(ctx),
		column(lines, func(l line) string { return l.verb }), column(lines, func(l line) ident.UID { return l.uid }), column(lines, changes))
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

func optionalUID(uid ident.UID) *ident.UID {
	if uid.IsZero() {
		return nil
	}
	return &uid
}

// RecordAudit writes a line of the audit log for what is no change of the record, as record does: somebody was let in or
// not, or looked at something.
func (db *DB) RecordAudit(ctx context.Context, entity, verb string, uid ident.UID, changes map[string]any) error {
	return db.tx(ctx, "write the audit log", func(tx pgx.Tx) error { return record(ctx, tx, entity, verb, uid, changes) })
}

// ListAudit is at most limit lines of the audit log with ids above after, oldest first.
func (db *DB) ListAudit(ctx context.Context, after int64, limit int) ([]audit.Event, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+auditColumns+` FROM audit_event WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list the audit log")
	}
	list, err := pgx.CollectRows(rows, scanAudit)
	return list, translate(err, "list the audit log")
}
