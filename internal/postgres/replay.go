package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const replayColumns = `
SELECT id, uid, state, filter, canary, rate, max_failing, matched, n_reopened, n_refused, n_sent, n_failed, n_uncertain,
       n_skipped, created_by, created_at, stepped_at, ended_at, note, cursor, until, allowance FROM replay `

func scanReplay(row pgx.CollectableRow) (delivery.Replay, error) {
	var r delivery.Replay
	var filter []byte
	if err := row.Scan(&r.ID, &r.UID, &r.State, &filter, &r.Canary, &r.Rate, &r.MaxFailing, &r.Matched, &r.Reopened, &r.Refused,
		&r.Sent, &r.Failed, &r.Uncertain, &r.Skipped, &r.CreatedBy, &r.CreatedAt, &r.SteppedAt, &r.EndedAt, &r.Note,
		&r.Cursor, &r.Until, &r.Allowance); err != nil {
		return r, err
	}
	return r, json.Unmarshal(filter, &r.Filter)
}

const countDead = `SELECT count(*), coalesce(max(u.id), 0)` + deadMatches

// CountDeadLetters is how many dead letters a filter chooses: what a replay would make owed again.
func (db *DB) CountDeadLetters(ctx context.Context, f delivery.DeadFilter) (n int64, err error) {
	args, err := deadArgs(f)
	if err != nil {
		return 0, err
	}
	var last int64
	err = db.pool.QueryRow(ctx, countDead, args...).Scan(&n, &last)
	return n, translate(err, "count dead letters")
}

// CreateDeadReplay stores a replay of the dead letters that its filter chooses now. A scheduler takes it up within a second.
func (db *DB) CreateDeadReplay(ctx context.Context, o delivery.ReplayOrder) (delivery.Replay, error) {
	o.Filter.Replayed = false // who is owed already is not dead
	args, err := deadArgs(o.Filter)
	if err != nil {
		return delivery.Replay{}, err
	}
	filter, err := json.Marshal(o.Filter)
	if err != nil {
		return delivery.Replay{}, err
	}
	uid, state := ident.New(), delivery.ReplayRunning
	if o.Canary > 0 {
		state = delivery.ReplayCanary
	}
	err = db.tx(ctx, "create a replay", func(tx pgx.Tx) error {
		var matched, until int64
		if err := tx.QueryRow(ctx, countDead, args...).Scan(&matched, &until); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO replay (uid, state, filter, canary, rate, max_failing, until, matched, created_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			uid, string(state), filter, o.Canary, o.Rate, o.MaxFailing, until, matched, audit.Actor(ctx)); err != nil {
			return err
		}
		return record(ctx, tx, "replay", "create", uid, map[string]any{"matched": matched})
	})
	if err != nil {
		return delivery.Replay{}, err
	}
	return db.DeadReplay(ctx, uid)
}

const noReplay = "There is no such replay."

// DeadReplay is one replay, or NotFound.
func (db *DB) DeadReplay(ctx context.Context, uid ident.UID) (delivery.Replay, error) {
	rows, err := db.pool.Query(ctx, replayColumns+`WHERE uid = $1`, uid)
	if err != nil {
		return delivery.Replay{}, translate(err, "read a replay")
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanReplay)
	return r, translate(missing(err, noReplay), "read a replay")
}

// DeadReplays lists them, newest first: at most limit with ids below before; 0: from the newest.
func (db *DB) DeadReplays(ctx context.Context, before int64, limit int) ([]delivery.Replay, error) {
	rows, err := db.pool.Query(ctx, replayColumns+`WHERE $1::bigint = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, translate(err, "list replays")
	}
	list, err := pgx.CollectRows(rows, scanReplay)
	return list, translate(err, "list replays")
}

// CancelDeadReplay stops a replay: what it made owed again goes on, the rest stays dead. It may be repeated. One that has
// ended otherwise is a Conflict.
func (db *DB) CancelDeadReplay(ctx context.Context, uid ident.UID) (delivery.Replay, error) {
	err := db.tx(ctx, "cancel a replay", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, replayColumns+`WHERE uid = $1 FOR UPDATE`, uid)
		if err != nil {
			return err
		}
		r, err := pgx.CollectExactlyOneRow(rows, scanReplay)
		switch {
		case err != nil:
			return missing(err, noReplay)
		case r.State == delivery.ReplayCancelled:
			return nil
		case r.State.Final():
			return fault.New(fault.Conflict, "wrong_state", "The replay has ended: it is "+string(r.State)+".")
		}
		r.State = delivery.ReplayCancelled
		return storeReplay(ctx, tx, &r)
	})
	if err != nil {
		return delivery.Replay{}, err
	}
	return db.DeadReplay(ctx, uid)
}

// storeReplay writes a replay's state and counters down, and notes its end.
func storeReplay(ctx context.Context, tx pgx.Tx, r *delivery.Replay) error {
	if _, err := tx.Exec(ctx, `
		UPDATE replay SET state = $2, cursor = $3, allowance = $4, n_reopened = $5, n_refused = $6, n_sent = $7, n_failed = $8,
		       n_uncertain = $9, n_skipped = $10, note = $11, stepped_at = $12,
		       ended_at = CASE WHEN $13 THEN clock_timestamp() END
		WHERE id = $1`, r.ID, string(r.State), r.Cursor, r.Allowance, r.Reopened, r.Refused, r.Sent, r.Failed,
		r.Uncertain, r.Skipped, r.Note, r.SteppedAt, r.State.Final()); err != nil {
		return err
	}
	if !r.State.Final() {
		return nil
	}
	return record(ctx, tx, "replay", string(r.State), r.UID, map[string]any{"reopened": r.Reopened, "refused": r.Refused,
		"sent": r.Sent, "failed": r.Failed, "uncertain": r.Uncertain, "skipped": r.Skipped})
}

// replayPeriod is how long a replay rests between steps.
const replayPeriod = 400 * time.Millisecond
