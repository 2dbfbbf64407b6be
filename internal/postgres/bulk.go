package postgres

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
)

// errNotAll rolls a call back that was all or nothing.
var errNotAll = errors.New("an item of the call failed")

// bulk makes the changes of a call in one transaction, with what is answered. It may run apply again after a deadlock, and
// returns Invalid if the key came with another request.
func (db *DB) bulk(ctx context.Context, doing string, call bulk.Call, apply func(pgx.Tx) ([]bulk.Outcome, error)) (bulk.Result, error) {
	var r bulk.Result
	err := db.tx(ctx, doing, func(tx pgx.Tx) (err error) {
		r = bulk.Result{}
		if call.Key != "" { // that of a call names no publication
			if err := claimKey(ctx, tx, call.Route, call.Key, call.Digest[:], 0); err != nil {
				return err
			}
		}
		if r.Outcomes, err = apply(tx); err != nil {
			return err
		}
		if call.Mode == bulk.AllOrNothing && bulk.Failed(r.Outcomes) > 0 {
			return errNotAll
		}
		if r.Answer, err = call.Answer(r.Outcomes); err != nil {
			return err
		}
		r.Done = true
		return keepAnswer(ctx, tx, call, r.Answer)
	})
	switch {
	case errors.Is(err, errNotAll):
		return r, nil
	case errors.Is(err, errKeyUsed):
		r, err = db.EarlierBulk(ctx, call)
		return r, inFlight(err)
	default:
		return r, err
	}
}

// EarlierBulk is what an earlier request of ctx's actor with the call's key was answered: NotFound if there was none within 24
// hours that did anything, Invalid if it was another request.
func (db *DB) EarlierBulk(ctx context.Context, call bulk.Call) (bulk.Result, error) {
	r := bulk.Result{Done: true, Replay: true}
	var digest []byte
	err := db.pool.QueryRow(ctx, `
		SELECT request_hash, coalesce(answer, '') FROM idempotency
		WHERE principal = $1 AND route = $2 AND key = $3 AND created_at >= now() - interval '24 hours'`,
		audit.Actor(ctx), call.Route, call.Key).Scan(&digest, &r.Answer)
	switch {
	case err != nil:
		return bulk.Result{}, translate(err, "look up an Idempotency-Key")
	case subtle.ConstantTimeCompare(digest, call.Digest[:]) != 1:
		return bulk.Result{}, errOtherRequest()
	default:
		return r, nil
	}
}

func keepAnswer(ctx context.Context, tx pgx.Tx, call bulk.Call, answer string) error {
	if call.Key == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE idempotency SET answer = $4 WHERE principal = $1 AND route = $2 AND key = $3`,
		audit.Actor(ctx), call.Route, call.Key, answer)
	return err
}

// behindSavepoint runs fn behind a savepoint. What is wrong with an item alone takes back what fn did, and is returned as refused; the
// transaction goes on. What is wrong with the connection or the server, a deadlock included, ends all of it.
func behindSavepoint(ctx context.Context, tx pgx.Tx, doing string, fn func(pgx.Tx) error) (refused, err error) {
	err = pgx.BeginFunc(ctx, tx, fn)
	var known *fault.Error
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &known):
		if known.Kind == fault.Timeout || known.Kind == fault.Unavailable {
			return nil, err
		}
		return err, nil
	case errors.As(err, &pg) && ofOneRow(pg):
		return translate(err, doing), nil
	default:
		return nil, err
	}
}
