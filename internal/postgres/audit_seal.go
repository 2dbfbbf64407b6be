package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/chain"
)

// auditLock lets one process at a time seal or remove blocks. The number is arbitrary.
const auditLock = 7_052_414_303

// AuditLog is the audit log as it is sealed, and as it is verified.
func (db *DB) AuditLog() *ChainedLog[audit.Row] {
	return &ChainedLog[audit.Row]{pool: db.pool, tx: db.tx, chain: db.chain, name: "audit log", table: "audit_event", lock: auditLock,
		blocks: auditBlocks{}, rows: auditRows}
}

// AuditHorizon is how far the log can be sealed; see ChainedLog.Horizon.
func (db *DB) AuditHorizon(ctx context.Context) (chain.Horizon, error) {
	return db.AuditLog().Horizon(ctx)
}

// SealAudit seals the next events; see ChainedLog.Seal.
func (db *DB) SealAudit(ctx context.Context, h chain.Horizon) (more, reached bool, err error) {
	return db.AuditLog().Seal(ctx, h)
}

// AuditBacklog is what is not sealed yet.
func (db *DB) AuditBacklog(ctx context.Context) (chain.Backlog, error) {
	return db.AuditLog().Backlog(ctx)
}

// auditBlocks are the blocks of the audit log.
type auditBlocks struct{}

const selectBlock = `SELECT n, first_id, last_id, entries, previous, hash, key_id, sealed_at FROM audit_block `

func (auditBlocks) newest(ctx context.Context, q querier) (chain.Block, error) {
	return scanBlock(q.QueryRow(ctx, selectBlock+`ORDER BY n DESC LIMIT 1`))
}

func (auditBlocks) first(ctx context.Context, q querier, above int64) (chain.Block, error) {
	return scanBlock(q.QueryRow(ctx, selectBlock+`WHERE n > $1 ORDER BY n LIMIT 1`, above))
}

func (auditBlocks) used(ctx context.Context, q querier, key chain.KeyID) (used bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM audit_block WHERE key_id = $1)`, key[:]).Scan(&used)
	return used, err
}

func (auditBlocks) insert(ctx context.Context, tx pgx.Tx, b chain.Block) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO audit_block (n, first_id, last_id, events, entries, previous, hash, key_id, sealed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, blockValues(b)...)
	return err
}

func (auditBlocks) anchor(ctx context.Context, q querier) (chain.Anchor, error) {
	var a chain.Anchor
	var hash, key, signature []byte
	err := q.QueryRow(ctx, `SELECT n, last_id, hash, key_id, signature FROM audit_anchor`).
		Scan(&a.N, &a.Last, &hash, &key, &signature)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, nil
	}
	copy(a.Hash[:], hash)
	copy(a.Key[:], key)
	copy(a.Signature[:], signature)
	return a, err
}

func (auditBlocks) unsealed(ctx context.Context, q querier, last int64, limit int) (n int64, err error) {
	err = q.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM audit_event WHERE id > $1 LIMIT $2) e`, last, limit).Scan(&n)
	return n, err
}

func (auditBlocks) backlog(ctx context.Context, q querier) (b chain.Backlog, err error) {
	err = q.QueryRow(ctx, `
		WITH sealed AS MATERIALIZED (SELECT coalesce((SELECT last_id FROM audit_block ORDER BY n DESC LIMIT 1), 0) AS last)
		SELECT greatest(coalesce((SELECT id FROM audit_event ORDER BY id DESC LIMIT 1), 0) - last, 0),
		       coalesce((SELECT greatest(clock_timestamp() - at, interval '0') FROM audit_event
		                 WHERE id > last AND isfinite(at) ORDER BY id LIMIT 1), interval '0')
		FROM sealed`).Scan(&b.Events, &b.Age)
	return b, err
}
