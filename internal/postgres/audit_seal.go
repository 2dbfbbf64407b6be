package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
)

// auditLock lets one process at a time seal or remove blocks. The number is arbitrary.
const auditLock = 7_052_414_303

// auditWriters are the transactions that have added events, or are about to. PostgreSQL takes this lock when it plans an
// INSERT, before it gives an id away, and holds it until others can see the row: so whoever was given an id, and has not
// ended, is among them.
const auditWriters = `
SELECT virtualtransaction FROM pg_locks
WHERE relation = 'audit_event'::regclass AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// AuditHorizon is how far the log can be sealed when those who write at this moment have ended. Ids are given away before
// the commit, so that a later one may be seen earlier.
func (db *DB) AuditHorizon(ctx context.Context) (audit.Horizon, error) {
	var h audit.Horizon
	// Two statements: the id has to be read before the writers.
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('audit_event', 'id')::regclass), 0)`).Scan(&h.Last)
	if err != nil {
		return h, translate(err, "read the newest id of the audit log")
	}
	err = db.pool.QueryRow(ctx, `SELECT array(`+auditWriters+`)`).Scan(&h.Writers)
	return h, translate(err, "read who writes to the audit log")
}

// SealAudit seals the next events up to a horizon in one block, and reports whether there was a full one, so that there may be
// more to seal, and whether the horizon was reached. Until the horizon's writers have ended nothing is sealed. It may be
// repeated, by several processes at once. A process without SECRET_KEY seals nothing.
func (db *DB) SealAudit(ctx context.Context, h audit.Horizon) (more, reached bool, err error) {
	if db.chain == nil {
		return false, true, nil
	}
	err = db.tx(ctx, "seal the audit log", func(tx pgx.Tx) error {
		more, reached = false, false
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(auditLock)); err != nil {
			return err
		}
		var writing bool
		if err := tx.QueryRow(ctx, `SELECT array(`+auditWriters+`) && coalesce($1::text[], '{}')`, h.Writers).Scan(&writing); err != nil || writing {
			return err
		}
		previous, err := db.newestBlock(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := auditRows(ctx, tx, previous.Last+1, h.Last, audit.BlockRows)
		if err != nil {
			return err
		}
		more, reached = len(rows) == audit.BlockRows, len(rows) < audit.BlockRows
		if len(rows) == 0 {
			return nil
		}
		return insertBlock(ctx, tx, db.chain.Seal(previous, rows, time.Now()))
	})
	return more, reached, err
}

const selectBlock = `SELECT n, first_id, last_id, entries, previous, hash, key_id, sealed_at FROM audit_block `

func scanBlock(row pgx.Row) (audit.Block, error) {
	var b audit.Block
	var previous, hash, key []byte
	err := row.Scan(&b.N, &b.First, &b.Last, &b.Entries, &previous, &hash, &key, &b.SealedAt)
	copy(b.Previous[:], previous)
	copy(b.Hash[:], hash)
	copy(b.Key[:], key)
	return b, err
}

// newestBlock is the one that the next follows; zero if there is none. It has to be as it was sealed: to go on behind
// another would hide what comes next. While SECRET_KEY is being changed, a process that has the one before gives way.
func (db *DB) newestBlock(ctx context.Context, tx pgx.Tx) (audit.Block, error) {
	b, err := scanBlock(tx.QueryRow(ctx, selectBlock+`ORDER BY n DESC LIMIT 1`))
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Block{}, nil
	}
	if err != nil {
		return b, err
	}
	if err := db.chain.Check(b); err != nil || b.Key == db.chain.Key() {
		return b, err
	}
	var used bool
	key := db.chain.Key()
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM audit_block WHERE key_id = $1)`, key[:]).Scan(&used)
	if err == nil && used {
		err = audit.ErrGivenUp
	}
	return b, err
}

func insertBlock(ctx context.Context, tx pgx.Tx, b audit.Block) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO audit_block (n, first_id, last_id, events, entries, previous, hash, key_id, sealed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		b.N, b.First, b.Last, b.Rows(), b.Entries, b.Previous[:], b.Hash[:], b.Key[:], b.SealedAt)
	return err
}

// AuditBacklog is what is not sealed yet.
func (db *DB) AuditBacklog(ctx context.Context) (audit.Backlog, error) {
	var b audit.Backlog
	err := db.pool.QueryRow(ctx, `
		WITH sealed AS MATERIALIZED (SELECT coalesce((SELECT last_id FROM audit_block ORDER BY n DESC LIMIT 1), 0) AS last)
		SELECT greatest(coalesce((SELECT id FROM audit_event ORDER BY id DESC LIMIT 1), 0) - last, 0),
		       coalesce((SELECT greatest(clock_timestamp() - at, interval '0') FROM audit_event
		                 WHERE id > last AND isfinite(at) ORDER BY id LIMIT 1), interval '0')
		FROM sealed`).Scan(&b.Events, &b.Age)
	return b, translate(err, "read what of the audit log is not sealed")
}
