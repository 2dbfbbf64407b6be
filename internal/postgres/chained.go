package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/chain"
)

// ChainedLog is a log whose rows are sealed in blocks; see internal/chain.
type ChainedLog[R chain.Row] struct {
	pool  querier
	tx    func(ctx context.Context, doing string, fn func(pgx.Tx) error) error
	chain *chain.Chain[R] // nil: without SECRET_KEY
	// name is what errors call the log, table where its rows are, and lock, which is arbitrary, lets one process at a time seal
	// or remove blocks.
	name, table string
	lock        int64
	blocks      blockTable
	rows        func(ctx context.Context, q querier, first, last int64, limit int) ([]R, error)
}

// blockTable is where a log's blocks are. Each log has statements of its own: SQL is constant.
type blockTable interface {
	// newest is the one that the next follows, first the first with a number above n. They are zero if there is none.
	newest(ctx context.Context, q querier) (chain.Block, error)
	first(ctx context.Context, q querier, above int64) (chain.Block, error)
	// used reports whether a key has sealed a block.
	used(ctx context.Context, q querier, key chain.KeyID) (bool, error)
	insert(ctx context.Context, tx pgx.Tx, b chain.Block) error
	// anchor is zero if nothing was removed.
	anchor(ctx context.Context, q querier) (chain.Anchor, error)
	// unsealed is how many rows have ids above last, at most limit.
	unsealed(ctx context.Context, q querier, last int64, limit int) (int64, error)
	backlog(ctx context.Context, q querier) (chain.Backlog, error)
}

// logWriters are the transactions that have added rows to a log, or are about to. PostgreSQL takes this lock when it plans an
// INSERT, before it gives an id away, and holds it until others can see the row: so whoever was given an id, and has not
// ended, is among them.
const logWriters = `
SELECT virtualtransaction FROM pg_locks
WHERE relation = $1::text::regclass AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// Horizon is how far the log can be sealed when those who write at this moment have ended. Ids are given away before
// the commit, so that a later one may be seen earlier.
func (l *ChainedLog[R]) Horizon(ctx context.Context) (chain.Horizon, error) {
	var h chain.Horizon
	// Two statements: the id has to be read before the writers.
	err := l.pool.QueryRow(ctx, `
		SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass), 0)`, l.table).Scan(&h.Last)
	if err != nil {
		return h, translate(err, "read the newest id of the "+l.name)
	}
	err = l.pool.QueryRow(ctx, `SELECT array(`+logWriters+`)`, l.table).Scan(&h.Writers)
	return h, translate(err, "read who writes to the "+l.name)
}

// Seal seals the next rows up to a horizon in one block, and reports whether there was a full one, so that there may be
// more to seal, and whether the horizon was reached. Until the horizon's writers have ended nothing is sealed. It may be
// repeated, by several processes at once. A process without SECRET_KEY seals nothing.
func (l *ChainedLog[R]) Seal(ctx context.Context, h chain.Horizon) (more, reached bool, err error) {
	if l.chain == nil {
		return false, true, nil
	}
	err = l.tx(ctx, "seal the "+l.name, func(tx pgx.Tx) error {
		more, reached = false, false
		if err := l.alone(ctx, tx); err != nil {
			return err
		}
		var writing bool
		if err := tx.QueryRow(ctx, `SELECT array(`+logWriters+`) && coalesce($2::text[], '{}')`, l.table, h.Writers).Scan(&writing); err != nil || writing {
			return err
		}
		previous, err := l.newest(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := l.rows(ctx, tx, previous.Last+1, h.Last, chain.BlockRows)
		if err != nil {
			return err
		}
		more, reached = len(rows) == chain.BlockRows, len(rows) < chain.BlockRows
		if len(rows) == 0 {
			return nil
		}
		return l.blocks.insert(ctx, tx, l.chain.Seal(previous, rows, time.Now()))
	})
	return more, reached, err
}

// alone waits until nobody else seals or removes blocks.
func (l *ChainedLog[R]) alone(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, l.lock)
	return err
}

// newest is the one that the next follows; zero if there is none. It has to be as it was sealed: to go on behind
// another would hide what comes next. While SECRET_KEY is being changed, a process that has the one before gives way.
func (l *ChainedLog[R]) newest(ctx context.Context, tx pgx.Tx) (chain.Block, error) {
	b, err := l.blocks.newest(ctx, tx)
	if err != nil || b.N == 0 {
		return b, err
	}
	if err := l.chain.Check(b); err != nil || b.Key == l.chain.Key() {
		return b, err
	}
	used, err := l.blocks.used(ctx, tx, l.chain.Key())
	if err == nil && used {
		err = chain.ErrGivenUp
	}
	return b, err
}

// Backlog is what is not sealed yet.
func (l *ChainedLog[R]) Backlog(ctx context.Context) (chain.Backlog, error) {
	b, err := l.blocks.backlog(ctx, l.pool)
	return b, translate(err, "read what of the "+l.name+" is not sealed")
}

// Newest is the last block of the chain; zero if there is none.
func (l *ChainedLog[R]) Newest(ctx context.Context) (chain.Block, error) {
	b, err := l.blocks.newest(ctx, l.pool)
	return b, translate(err, "read the newest block of the "+l.name)
}

// Anchor is what was removed last because its time was over; zero if nothing was.
func (l *ChainedLog[R]) Anchor(ctx context.Context) (chain.Anchor, error) {
	a, err := l.blocks.anchor(ctx, l.pool)
	return a, translate(err, "read the beginning of the "+l.name)
}

// Block is the first block with a number above n; zero if there is none.
func (l *ChainedLog[R]) Block(ctx context.Context, n int64) (chain.Block, error) {
	b, err := l.blocks.first(ctx, l.pool, n)
	return b, translate(err, "read a block of the "+l.name)
}

// Rows are at most limit rows with ids from first to last, in the order of their ids.
func (l *ChainedLog[R]) Rows(ctx context.Context, first, last int64, limit int) ([]R, error) {
	rows, err := l.rows(ctx, l.pool, first, last, limit)
	return rows, translate(err, "read the "+l.name)
}

// Unsealed is how many rows have ids above last, at most limit.
func (l *ChainedLog[R]) Unsealed(ctx context.Context, last int64, limit int) (int64, error) {
	n, err := l.blocks.unsealed(ctx, l.pool, last, limit)
	return n, translate(err, "count what of the "+l.name+" is not sealed")
}

// scanBlock reads n, first_id, last_id, entries, previous, hash, key_id and sealed_at; zero if there is no row.
func scanBlock(row pgx.Row) (chain.Block, error) {
	var b chain.Block
	var previous, hash, key []byte
	err := row.Scan(&b.N, &b.First, &b.Last, &b.Entries, &previous, &hash, &key, &b.SealedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return chain.Block{}, nil
	}
	copy(b.Previous[:], previous)
	copy(b.Hash[:], hash)
	copy(b.Key[:], key)
	return b, err
}

// blockValues are a block's columns: n, first_id, last_id, the number of rows, entries, previous, hash, key_id and sealed_at.
func blockValues(b chain.Block) []any {
	return []any{b.N, b.First, b.Last, b.Rows(), b.Entries, b.Previous[:], b.Hash[:], b.Key[:], b.SealedAt}
}
