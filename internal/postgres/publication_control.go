package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// PausePublication asks for a pause: one that waits for its time is paused at once, one under way is pausing
// until no batch is claimed. It may be repeated. check is asked first and may refuse. A final state is a Conflict.
func (db *DB) PausePublication(ctx context.Context, uid ident.UID, check func(version int) error) (publication.Summary, error) {
	return db.control(ctx, uid, "pause", check, func(_ pgx.Tx, p *controlled) (publication.State, error) {
		switch p.State {
		case publication.Pausing, publication.Paused:
			return p.State, nil
		case publication.Scheduled:
			return publication.Paused, nil
		default:
			return publication.Pausing, nil
		}
	})
}

// CancelPublication asks for the end: one of which nothing has begun is cancelled at once, one under way is
// cancelling until nothing of it is owed. It may be repeated. check is asked first and may refuse. Another final state is
// a Conflict.
func (db *DB) CancelPublication(ctx context.Context, uid ident.UID, check func(version int) error) (publication.Summary, error) {
	return db.control(ctx, uid, "cancel", check, func(_ pgx.Tx, p *controlled) (publication.State, error) {
		switch p.State {
		case publication.Cancelling, publication.Cancelled:
			return p.State, nil
		case publication.Draft, publication.Scheduled:
			return publication.Cancelled, nil
		default:
			return publication.Cancelling, nil
		}
	})
}

// ResumePublication goes on where a pause stopped: it nudges exactly what is still owed. Whoever resumes accepts how it was
// received so far. It may be repeated, and
// changes nothing of one that is under way. check is asked first and may refuse. One that has ended is a Conflict.
func (db *DB) ResumePublication(ctx context.Context, uid ident.UID, check func(version int) error) (publication.Summary, error) {
	return db.control(ctx, uid, "resume", check, func(tx pgx.Tx, p *controlled) (publication.State, error) {
		switch {
		case p.State != publication.Paused && p.State != publication.Pausing:
			if p.State.Final() || p.State == publication.Cancelling {
				return p.State, fault.New(fault.Conflict, "wrong_state", "A publication that is "+string(p.State)+" cannot be resumed.")
			}
			return p.State, nil
		case p.Started:
			if err := acceptReception(ctx, tx, p.ID); err != nil {
				return p.State, err
			}
			return publication.Sending, nudgeOwed(ctx, tx, p)
		case p.Ahead && p.State == publication.Paused:
			return publication.Scheduled, nil
		default:
			return publication.Queued, nudgeRender(ctx, tx, p)
		}
	})
}

// controlled is what deciding about a publication needs.
type controlled struct {
	ID    int64
	State publication.State
	Lane  tasks.Lane
	// Started says that it was rendered; Ahead that its scheduled time is still to come.
	Started, Ahead bool
	// Trace is the span of the request that made it, "" if there is none.
	Trace string
}

// control changes a publication's state under a lock, with its audit row, if check allows it of the present version.
// decide returns the wanted state, or the present one for no change.
func (db *DB) control(
	ctx context.Context, uid ident.UID, verb string, check func(version int) error, decide func(pgx.Tx, *controlled) (publication.State, error),
) (publication.Summary, error) {
	var summary publication.Summary
	err := db.tx(ctx, verb+" a publication", func(tx pgx.Tx) error {
		var p controlled
		var version int
		err := tx.QueryRow(ctx, `
			SELECT version, id, state, lane, started_at IS NOT NULL, coalesce(scheduled_at > clock_timestamp(), false),
			       coalesce(trace_context, '')
			FROM publication WHERE uid = $1 FOR UPDATE`, uid).Scan(&version, &p.ID, &p.State, &p.Lane, &p.Started, &p.Ahead, &p.Trace)
		if err != nil {
			return translate(err, "find a publication")
		}
		if err := check(version); err != nil {
			return err
		}
		next, err := decide(tx, &p)
		if err != nil {
			return err
		}
		if next != p.State {
			if err := moveTo(ctx, tx, &p, next); err != nil {
				return err
			}
			if err := db.announcePublications(ctx, tx, happened{p.ID, moved(p.State, next)}); err != nil {
				return err
			}
			if err := record(ctx, tx, "publication", verb, uid, map[string]any{"from": p.State, "to": next}); err != nil {
				return err
			}
		}
		summary, err = publicationBy(ctx, tx, uid)
		return err
	})
	return summary, err
}

func moveTo(ctx context.Context, tx pgx.Tx, p *controlled, next publication.State) error {
	if err := publication.Check(p.State, next); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		UPDATE publication SET state = $2, failure = '', updated_at = clock_timestamp(), version = version + 1,
		       completed_at = CASE WHEN $2 = 'cancelled' THEN clock_timestamp() ELSE completed_at END
		WHERE id = $1`, p.ID, string(next))
	return err
}

func nudgeRender(ctx context.Context, tx pgx.Tx, p *controlled) error {
	var gen int
	if err := tx.QueryRow(ctx, `
		UPDATE publication SET gen = gen + 1, nudged_at = clock_timestamp() WHERE id = $1 RETURNING gen`, p.ID).Scan(&gen); err != nil {
		return err
	}
	task, err := tasks.New(tasks.NewRender(p.ID, gen), p.Lane)
	if err != nil {
		return err
	}
	task.TraceParent = p.Trace
	return enqueueLater(ctx, tx, []tasks.Task{task})
}

// resumePage is how many batches one statement nudges.
const resumePage = 2000

// nudgeOwed nudges every open range of a publication, and every open batch that is not behind. A claimed one needs no
// nudge: whoever has it goes on, or gives it back with one. Places that came free while it was paused are filled by the
// scheduler.
func nudgeOwed(ctx context.Context, tx pgx.Tx, p *controlled) error {
	if err := nudgeRanges(ctx, tx, p); err != nil {
		return err
	}
	var start time.Time
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&start); err != nil {
		return err
	}
	for {
		rows, err := tx.Query(ctx, `
			UPDATE batch SET gen = gen + 1, nudged_at = clock_timestamp()
			WHERE id IN (SELECT id FROM batch WHERE publication_id = $1 AND state IN ('ready', 'waiting') AND place > 0
			               AND nudged_at < $2 LIMIT $3 FOR UPDATE)
			RETURNING id, channel_id, lane, gen, not_before,
			          (SELECT p.trace_context FROM publication p WHERE p.id = batch.publication_id)`, p.ID, start, resumePage)
		if err != nil {
			return err
		}
		if n, err := nudgeAll(ctx, tx, rows); err != nil || n == 0 {
			return err
		}
	}
}

func nudgeRanges(ctx context.Context, tx pgx.Tx, p *controlled) error {
	rows, err := tx.Query(ctx, `
		UPDATE fanout_range SET gen = gen + 1, nudged_at = clock_timestamp()
		WHERE publication_id = $1 AND NOT done RETURNING id, gen`, p.ID)
	if err != nil {
		return err
	}
	var list []tasks.Task
	var id int64
	var gen int
	if _, err := pgx.ForEachRow(rows, []any{&id, &gen}, func() error {
		task, err := tasks.New(tasks.NewPersonalize(id, gen), p.Lane)
		task.TraceParent = p.Trace
		list = append(list, task)
		return err
	}); err != nil {
		return err
	}
	return enqueueLater(ctx, tx, list)
}
