package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

const flushOutcomes = `
WITH f AS (
    UPDATE sender_session SET flush = $2, until = clock_timestamp() + make_interval(secs => $3),
           inflight_batch = $4, inflight_after = $5, inflight_through = $6
    WHERE id = $1 AND flush = $2 - 1 AND ended_at IS NULL
    RETURNING id
), o AS (
    UPDATE delivery d SET state = i.state, attempt = i.attempt, reason = i.reason, session_id = f.id,
           settled_at = CASE WHEN i.state > 1 THEN clock_timestamp() END
    FROM f, unnest($7::bigint[], $8::smallint[], $9::bigint[], $10::smallint[], $11::smallint[], $12::smallint[])
                AS i (publication_id, channel_id, recipient_id, state, attempt, reason),
         LATERAL (SELECT k.ctid AS tid, k.tableoid AS part FROM delivery k
                  WHERE k.publication_id = i.publication_id AND k.channel_id = i.channel_id
                    AND k.recipient_id = i.recipient_id AND k.state = 0 OFFSET 0) x
    WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.publication_id BETWEEN $13 AND $14 AND d.state = 0
    RETURNING `

// flushSession counts what it settled, and flushAndSay says it.
const (
	flushSession = flushOutcomes + `1
)
SELECT (SELECT count(*) FROM f), (SELECT count(*) FROM o)`

	flushAndSay = flushOutcomes + `d.publication_id, d.channel_id, d.recipient_id
)
SELECT (SELECT count(*) FROM f), ARRAY(SELECT publication_id FROM o), ARRAY(SELECT channel_id FROM o), ARRAY(SELECT recipient_id FROM o)`
)

// Flush writes what came of a session's sends and its next in-flight list; see delivery.Ledger.
func (db *DB) Flush(ctx context.Context, f delivery.Flush) error {
	l, o := listOf(f.InFlight), outcomesOf(f.Outcomes)
	args := []any{f.Session, f.Number, f.Lease.Seconds(), l.batch, l.after, l.through,
		o.publication, o.channel, o.recipient, o.state, o.attempt, o.reason, o.first(), o.last()}
	taken, err := db.takers.now(ctx, db.pool)
	if err != nil {
		return translate(err, "flush a sender session")
	}
	var fenced, settled int
	if tells := taken.settles(f.Outcomes); !tells && len(o.dead) == 0 && len(o.kept) == 0 && len(o.unsure) == 0 && len(o.held) == 0 {
		err = db.pool.QueryRow(ctx, flushSession, args...).Scan(&fenced, &settled)
	} else {
		err = db.tx(ctx, "flush a sender session", func(tx pgx.Tx) error {
			var done []delivery.Outcome
			if tells {
				fenced, done, err = flushSaying(ctx, tx, f.Outcomes, args)
				settled = len(done)
			} else {
				err = tx.QueryRow(ctx, flushSession, args...).Scan(&fenced, &settled)
			}
			if err != nil || fenced == 0 {
				return err
			}
			if err := db.announceSettled(ctx, tx, done); err != nil {
				return err
			}
			if err := addAttempts(ctx, tx, f.Session, false, o.kept); err != nil {
				return err
			}
			if err := noteUncertain(ctx, tx, o.unsure); err != nil {
				return err
			}
			if err := insertHeld(ctx, tx, o.held); err != nil {
				return err
			}
			return insertDead(ctx, tx, o.dead)
		})
	}
	switch {
	case err != nil:
		return translate(err, "flush a sender session")
	case fenced == 0:
		return db.flushedBefore(ctx, f)
	case settled != len(f.Outcomes):
		return delivery.ErrFenced // somebody else settled what this session claimed
	}
	return nil
}

// flushSaying flushes and returns which of the outcomes it wrote: not those that somebody else had settled.
func flushSaying(ctx context.Context, tx pgx.Tx, outcomes []delivery.Outcome, args []any) (fenced int, done []delivery.Outcome, err error) {
	var publications, recipients []int64
	var channels []int16
	if err := tx.QueryRow(ctx, flushAndSay, args...).Scan(&fenced, &publications, &channels, &recipients); err != nil {
		return 0, nil, err
	}
	changed := make(map[ledgerKey]bool, len(recipients))
	for i := range recipients {
		changed[ledgerKey{publications[i], channels[i], recipients[i]}] = true
	}
	return fenced, changedOf(outcomes, changed), nil
}

// changedOf is those of some outcomes whose rows were changed.
func changedOf(outcomes []delivery.Outcome, changed map[ledgerKey]bool) []delivery.Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o delivery.Outcome) bool {
		return !changed[ledgerKey{o.Publication, o.Channel, o.Recipient}]
	})
}

// flushedBefore tells a repeated flush, whose first try did commit, from a session that was taken over.
func (db *DB) flushedBefore(ctx context.Context, f delivery.Flush) error {
	var done bool
	err := db.pool.QueryRow(ctx, `
		SELECT flush = $2 AND ended_at IS NULL FROM sender_session WHERE id = $1`, f.Session, f.Number).Scan(&done)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return translate(err, "look a flush up")
	}
	if !done {
		return delivery.ErrFenced
	}
	return nil
}
