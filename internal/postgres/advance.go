package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
)

// ofOne restricts what is said of all publications p to one. It is no parameter that may be NULL: the plan that
// PostgreSQL keeps for both would look at all.
const ofOne = ` AND p.id = $1`

// advancePublications moves on whatever can be. Something may be made owed again just while it looks: then it waits for
// the row, and compares its newest version with what it looked at.
const advancePublications = `
UPDATE publication p SET
    state = CASE WHEN p.state = 'pausing' THEN 'paused'
                 WHEN EXISTS (SELECT FROM batch WHERE publication_id = p.id AND n_failed > 0)
                 THEN 'completed_with_failures' ELSE 'completed' END,
    completed_at = CASE WHEN p.state = 'sending' THEN clock_timestamp() END,
    updated_at = clock_timestamp(), version = version + 1
WHERE p.state IN ('sending', 'pausing') AND (
    p.state = 'sending' AND p.fanout_done
        AND NOT EXISTS (SELECT FROM batch WHERE publication_id = p.id AND state IN ('ready', 'claimed', 'waiting'))
        AND NOT EXISTS (SELECT FROM batch WHERE publication_id = p.id AND n_deferred > 0)
    OR p.state = 'pausing'
        AND NOT EXISTS (SELECT FROM batch WHERE publication_id = p.id AND state = 'claimed'))
  AND p.reopened = (SELECT v.reopened FROM publication v WHERE v.id = p.id)`

const thatMoved = ` RETURNING p.id, p.state`

// Advance completes a publication that has nothing open any more, or makes a pausing one paused. It runs in
// a transaction after the one that closed the last batch, so that of two closing at once the later one sees
// both. It may be repeated.
func (db *DB) Advance(ctx context.Context, publication int64) error {
	return db.advance(ctx, "advance a publication", advancePublications+ofOne+thatMoved, publication)
}

// advance runs a statement that moves publications on. It is a transaction of its own as long as nobody listens.
func (db *DB) advance(ctx context.Context, doing, statement string, args ...any) error {
	taken, err := db.takers.now(ctx, db.pool)
	if err != nil {
		return translate(err, doing)
	}
	var states []publication.State
	if taken.any(webhook.PublicationCompleted, webhook.PublicationPaused) {
		err = db.tx(ctx, doing, func(tx pgx.Tx) error {
			var list []happened
			if states, list, err = movedOn(tx.Query(ctx, statement, args...)); err != nil {
				return err
			}
			return db.announcePublications(ctx, tx, list...)
		})
	} else {
		states, _, err = movedOn(db.pool.Query(ctx, statement, args...))
		err = translate(err, doing)
	}
	if err != nil {
		return err
	}
	for _, state := range states {
		db.ended(state)
	}
	return nil
}

// movedOn is what a statement returns that moves publications on.
func movedOn(rows pgx.Rows, err error) (states []publication.State, list []happened, _ error) {
	if err != nil {
		return nil, nil, err
	}
	var id int64
	var state publication.State
	_, err = pgx.ForEachRow(rows, []any{&id, &state}, func() error {
		states, list = append(states, state), append(list, happened{id, moved("", state)})
		return nil
	})
	return states, list, err
}

// ended tells the observer of a publication whose state is final now.
func (db *DB) ended(state publication.State) {
	if db.observeEnd != nil && state.Final() {
		db.observeEnd(state)
	}
}
