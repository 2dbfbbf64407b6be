package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/tally"
)

const (
	erasureColumns = `id, uid, state, subscriber, messages, mentions, suppressed, look, part, read, due_at, created_at, updated_at, completed_at`
	selectErasure  = `SELECT ` + erasureColumns + ` FROM erasure `
	noErasure      = "There is no such erasure."
)

func scanErasure(row pgx.Row) (subscriber.Erasure, error) {
	e := subscriber.Erasure{Tables: len(searches)}
	err := row.Scan(&e.ID, &e.UID, &e.State, &e.Subscriber, &e.Messages, &e.Mentions, &e.Suppressed, &e.Look, &e.TablesDone, &e.Read, &e.DueAt,
		&e.CreatedAt, &e.UpdatedAt, &e.CompletedAt)
	if e.TablesDone < len(searches) {
		e.Table = searches[e.TablesDone].table
	}
	return e, err
}

// Erasure is the one with a uid, or NotFound.
func (db *DB) Erasure(ctx context.Context, uid ident.UID) (subscriber.Erasure, error) {
	e, err := scanErasure(db.pool.QueryRow(ctx, selectErasure+`WHERE uid = $1`, uid))
	return e, translate(missing(err, noErasure), "read an erasure")
}

// ListErasures is at most limit erasures with ids below before, the newest first; 0: from the newest on.
func (db *DB) ListErasures(ctx context.Context, before int64, limit int) ([]subscriber.Erasure, error) {
	rows, err := db.pool.Query(ctx, selectErasure+`WHERE $1::bigint = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, translate(err, "list erasures")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subscriber.Erasure, error) { return scanErasure(row) })
	return list, translate(err, "list erasures")
}

// TotalErasures counts erasures.
func (db *DB) TotalErasures(ctx context.Context) (tally.Total, error) {
	return db.total(ctx, `FROM erasure`)
}

// RunningErasures is what is still to be done.
func (db *DB) RunningErasures(ctx context.Context) (left subscriber.Erasures, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(greatest(clock_timestamp() - min(created_at), interval '0'), interval '0')
		FROM erasure WHERE state = 'running'`).Scan(&left.Running, &left.Oldest)
	return left, translate(err, "look at the erasures that are running")
}
