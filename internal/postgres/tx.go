package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// serializationTries bounds how often a transaction that met a deadlock or a serialisation failure is
// run again.
const serializationTries = 5

// tx runs fn in one transaction and commits if it returns nil. It may run fn again after a deadlock, so fn
// has no effect outside the transaction; in particular it makes no network call.
func (db *DB) tx(ctx context.Context, doing string, fn func(pgx.Tx) error) error {
	told := db.told.Load()
	var err error
	for range serializationTries {
		err = pgx.BeginFunc(ctx, db.pool, fn)
		if !mayRepeat(err) {
			break
		}
	}
	if err == nil && db.announced != nil && db.told.Load() != told {
		db.announced() // or another transaction has meanwhile: looking once too often does no harm
	}
	return translate(err, doing)
}

// mayRepeat reports a failure after which the server certainly rolled back and another try may succeed:
// serialization_failure and deadlock_detected (PostgreSQL manual, appendix A).
func mayRepeat(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
