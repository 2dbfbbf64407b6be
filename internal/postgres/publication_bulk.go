package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
)

// BulkPublications accepts, changes and deletes publications, in one transaction: once it returns without an error, what was
// accepted is as durable as by Accept, with its first task. What becomes of each item is what would have become of it if they
// had come one after the other. With the call's key it may be repeated, and has to be to know what happened if the connection
// broke.
func (db *DB) BulkPublications(ctx context.Context, call bulk.Call, items []publication.Item) (bulk.Result, error) {
	return db.bulk(ctx, "change publications in bulk", call, func(tx pgx.Tx) ([]bulk.Outcome, error) {
		if err := lockPublications(ctx, tx, items); err != nil {
			return nil, err
		}
		outcomes := make([]bulk.Outcome, len(items))
		accepted, err := db.acceptPlain(ctx, tx, items, outcomes)
		if err != nil {
			return nil, err
		}
		for n, i := range items {
			switch {
			case i.Err != nil:
				outcomes[n] = bulk.Outcome{UID: i.UID, Err: i.Err}
			case accepted && plain(i):
			default:
				if outcomes[n], err = db.onePublication(ctx, tx, i); err != nil {
					return nil, err
				}
			}
		}
		return outcomes, nil
	})
}

// plain is what the Acceptor would take.
func plain(i publication.Item) bool {
	return i.Err == nil && i.Action == bulk.Create && i.New.Plain()
}

// lockPublications locks what is to be changed in one order, so that of two calls one waits for the other.
func lockPublications(ctx context.Context, tx pgx.Tx, items []publication.Item) error {
	var uids []ident.UID
	for _, i := range items {
		if i.Err == nil && i.Action != bulk.Create {
			uids = append(uids, i.UID)
		}
	}
	if len(uids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT FROM publication WHERE uid = ANY($1) ORDER BY id FOR UPDATE`, uids)
	return err
}

// acceptPlain stores what the Acceptor would take, by its statement, and reports whether it did: it does not if one of them
// cannot be stored. New publications have nothing to do with each other, nor with those that are changed.
func (db *DB) acceptPlain(ctx context.Context, tx pgx.Tx, items []publication.Item, outcomes []bulk.Outcome) (bool, error) {
	var group []*acceptance
	var places []int
	for n, i := range items {
		if plain(i) {
			group = append(group, &acceptance{Submission: i.New, uid: ident.New(), actor: audit.Actor(ctx),
				correlation: telemetry.Correlation(ctx), trace: telemetry.TraceParent(ctx)})
			places = append(places, n)
		}
	}
	if len(group) == 0 {
		return true, nil
	}
	refused, err := behindSavepoint(ctx, tx, "store publications", func(tx pgx.Tx) error {
		_, err := db.insertOnce(ctx, tx, group, anyWait)
		return err
	})
	if err != nil || refused != nil {
		return false, err
	}
	for k, one := range group {
		state := publication.Accepted{ScheduledAt: one.ScheduledAt}.State()
		outcomes[places[k]] = bulk.Outcome{UID: one.uid, Version: 1, State: string(state)}
	}
	return true, nil
}

// onePublication does an item behind a savepoint.
func (db *DB) onePublication(ctx context.Context, tx pgx.Tx, i publication.Item) (bulk.Outcome, error) {
	out := bulk.Outcome{UID: i.UID}
	refused, err := behindSavepoint(ctx, tx, "change a publication", func(tx pgx.Tx) error {
		switch i.Action {
		case bulk.Create:
			accepted, err := db.storeIn(ctx, tx, i.New)
			out = bulk.Outcome{UID: accepted.UID, Version: 1, State: string(accepted.State())}
			return err
		case bulk.Update:
			now, err := db.reviseIn(ctx, tx, i.UID, i.Check, db.changing(ctx, i.UID, i.Change))
			out.Version, out.State = now.Version, string(now.State)
			return err
		default:
			return db.deleteIn(ctx, tx, i.UID, i.Check)
		}
	})
	if refused != nil {
		out = bulk.Outcome{UID: i.UID, Err: refused}
	}
	return out, err
}
