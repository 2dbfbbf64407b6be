package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/tasks"
)

// Three kinds of work have nudges: publications to render, ranges to expand, batches to send. Of each there are four
// statements. "lost" nudges a page ($1) of what was last nudged before the queue lost what it held. "overdue" finds a
// page ($2), the oldest first, of what is due and was last nudged longer than $1 ago. "gone" nudges those of the ids $1
// that are still owed. "seen" marks them as looked at, so that the next look starts with others. Of batches, those that are behind
// were not nudged, and cannot be lost: see feed.go.

// nudgePage bounds how much of each kind one reconciling transaction nudges.
const nudgePage = 2000

const notAllPaused = ` NOT EXISTS (SELECT FROM pause WHERE scope = 'all')`

const (
	nudgeRenders  = `UPDATE publication SET gen = gen + 1, nudged_at = clock_timestamp() WHERE `
	nudgedRenders = ` RETURNING id, lane, gen, coalesce(trace_context, '')`

	lostRenders = nudgeRenders + `id IN (SELECT id FROM publication
    WHERE state IN ('queued', 'rendering') AND nudged_at < (SELECT lost_at FROM queue_state) AND` + notAllPaused + `
    LIMIT $1 FOR UPDATE SKIP LOCKED)` + nudgedRenders
	overdueRenders = `
SELECT id, 0::smallint, lane, gen FROM publication
WHERE state IN ('queued', 'rendering') AND nudged_at < clock_timestamp() - $1::interval AND` + notAllPaused + `
ORDER BY nudged_at LIMIT $2`
	goneRenders = nudgeRenders + `id = ANY($1) AND state IN ('queued', 'rendering')` + nudgedRenders
	seenRenders = `UPDATE publication SET nudged_at = clock_timestamp() WHERE id = ANY($1) AND state IN ('queued', 'rendering')`
)

const (
	nudgeOpenRanges = `
UPDATE fanout_range r SET gen = r.gen + 1, nudged_at = clock_timestamp() FROM publication p
WHERE p.id = r.publication_id AND p.state = 'sending' AND `
	nudgedRanges = ` RETURNING r.id, p.lane, r.gen, coalesce(p.trace_context, '')`

	lostRanges = nudgeOpenRanges + `r.id IN (SELECT r.id FROM fanout_range r, publication p
    WHERE p.state = 'sending' AND r.publication_id = p.id AND NOT r.done AND r.nudged_at < (SELECT lost_at FROM queue_state) AND` + notAllPaused + `
    LIMIT $1 FOR UPDATE OF r SKIP LOCKED)` + nudgedRanges
	overdueRanges = `
SELECT r.id, 0::smallint, p.lane, r.gen FROM publication p, fanout_range r
WHERE p.state = 'sending' AND r.publication_id = p.id AND NOT r.done
  AND r.nudged_at < clock_timestamp() - $1::interval AND` + notAllPaused + `
ORDER BY r.nudged_at LIMIT $2`
	goneRanges = nudgeOpenRanges + `r.id = ANY($1) AND NOT r.done` + nudgedRanges
	seenRanges = `UPDATE fanout_range SET nudged_at = clock_timestamp() WHERE id = ANY($1) AND NOT done`
)

const (
	nudgeBatches  = `UPDATE batch SET gen = gen + 1, nudged_at = clock_timestamp() WHERE `
	nudgedBatches = ` RETURNING id, channel_id, lane, gen, not_before,
          (SELECT p.trace_context FROM publication p WHERE p.id = batch.publication_id)`

	lostBatches = nudgeBatches + `id IN (SELECT b.id FROM publication p, batch b
    WHERE b.publication_id = p.id AND b.state IN ('ready', 'waiting') AND b.place > 0
      AND b.nudged_at < (SELECT lost_at FROM queue_state) AND` + mayStart + `
    LIMIT $1 FOR UPDATE OF b SKIP LOCKED)` + nudgedBatches
	overdueBatches = `
SELECT b.id, b.channel_id, b.lane, b.gen FROM publication p, batch b
WHERE b.publication_id = p.id AND b.state IN ('ready', 'waiting') AND b.place > 0
  AND greatest(b.nudged_at, b.not_before) < clock_timestamp() - $1::interval AND` + mayStart + `
ORDER BY b.nudged_at LIMIT $2`
	goneBatches = nudgeBatches + `id = ANY($1) AND state IN ('ready', 'waiting')` + nudgedBatches
	seenBatches = `UPDATE batch SET nudged_at = clock_timestamp() WHERE id = ANY($1) AND state IN ('ready', 'waiting')`
)

// RenudgeLost nudges a page of what the queue lost: all that is owed and was last nudged before. Repeat it until it
// returns 0.
func (db *DB) RenudgeLost(ctx context.Context) (n int, err error) {
	err = db.tx(ctx, "nudge what the queue lost", func(tx pgx.Tx) error {
		n, err = nudgeWork(ctx, tx, lostRenders, lostRanges, lostBatches, [3]any{nudgePage, nudgePage, nudgePage})
		return err
	})
	return n, err
}

// Renudge nudges overdue work whose task is gone, unless it moved on meanwhile, and marks what still waits in the
// queue as looked at.
func (db *DB) Renudge(ctx context.Context, gone, waiting []delivery.Overdue) error {
	return db.tx(ctx, "nudge overdue work", func(tx pgx.Tx) error {
		if _, err := nudgeWork(ctx, tx, goneRenders, goneRanges, goneBatches, idsByKind(gone)); err != nil {
			return err
		}
		ids := idsByKind(waiting)
		marks := &pgx.Batch{}
		marks.Queue(seenRenders, ids[0])
		marks.Queue(seenRanges, ids[1])
		marks.Queue(seenBatches, ids[2])
		return tx.SendBatch(ctx, marks).Close()
	})
}

// nudgeWork runs a statement for each kind of work, with an argument each, and puts the tasks of what they return in
// the outbox. It returns how many.
func nudgeWork(ctx context.Context, tx pgx.Tx, renders, ranges, batches string, args [3]any) (int, error) {
	rows, err := tx.Query(ctx, renders, args[0])
	if err != nil {
		return 0, err
	}
	n, err := nudgeSteps(ctx, tx, rows, renderArgs)
	if err != nil {
		return 0, err
	}
	if rows, err = tx.Query(ctx, ranges, args[1]); err != nil {
		return 0, err
	}
	m, err := nudgeSteps(ctx, tx, rows, personalizeArgs)
	if err != nil {
		return 0, err
	}
	if rows, err = tx.Query(ctx, batches, args[2]); err != nil {
		return 0, err
	}
	k, err := nudgeAll(ctx, tx, rows)
	return n + m + k, err
}

// nudgeSteps reads the steps that a statement returned (id, lane, gen, trace_context) and puts their tasks in the
// outbox.
func nudgeSteps(ctx context.Context, tx pgx.Tx, rows pgx.Rows, args func(int64, int) tasks.Args) (int, error) {
	var list []tasks.Task
	var id int64
	var lane tasks.Lane
	var gen int
	var trace string
	if _, err := pgx.ForEachRow(rows, []any{&id, &lane, &gen, &trace}, func() error {
		t, err := tasks.New(args(id, gen), lane)
		t.TraceParent = trace
		list = append(list, t)
		return err
	}); err != nil {
		return 0, err
	}
	return len(list), enqueueLater(ctx, tx, list)
}

func renderArgs(id int64, gen int) tasks.Args { return tasks.NewRender(id, gen) }

func personalizeArgs(id int64, gen int) tasks.Args { return tasks.NewPersonalize(id, gen) }

// idsByKind is what is to be rendered, expanded and sent.
func idsByKind(list []delivery.Overdue) [3]any {
	var renders, ranges, batches []int64
	for _, o := range list {
		switch o.Task.Kind {
		case tasks.KindRender:
			renders = append(renders, o.ID)
		case tasks.KindPersonalize:
			ranges = append(ranges, o.ID)
		default:
			batches = append(batches, o.ID)
		}
	}
	return [3]any{renders, ranges, batches}
}

// Overdue is what is owed, due, and was nudged longer than patience ago: of each kind of work at most limit, the
// oldest first. A long queue is no loss: ask the queue whether the task still waits there.
func (db *DB) Overdue(ctx context.Context, patience time.Duration, limit int) ([]delivery.Overdue, error) {
	renders, err := db.overdue(ctx, overdueRenders, patience, limit, func(id int64, _ int16, lane tasks.Lane, gen int) (tasks.Task, error) {
		return tasks.New(renderArgs(id, gen), lane)
	})
	if err != nil {
		return nil, err
	}
	ranges, err := db.overdue(ctx, overdueRanges, patience, limit, func(id int64, _ int16, lane tasks.Lane, gen int) (tasks.Task, error) {
		return tasks.New(personalizeArgs(id, gen), lane)
	})
	if err != nil {
		return nil, err
	}
	batches, err := db.overdue(ctx, overdueBatches, patience, limit, func(id int64, channelID int16, lane tasks.Lane, gen int) (tasks.Task, error) {
		return batchTask(channelID, lane, id, gen)
	})
	return slices.Concat(renders, ranges, batches), err
}

func (db *DB) overdue(ctx context.Context, statement string, patience time.Duration, limit int,
	task func(id int64, channelID int16, lane tasks.Lane, gen int) (tasks.Task, error),
) ([]delivery.Overdue, error) {
	rows, err := db.pool.Query(ctx, statement, patience, limit)
	if err != nil {
		return nil, translate(err, "find overdue work")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Overdue, error) {
		var o delivery.Overdue
		var channelID int16
		var lane tasks.Lane
		var gen int
		if err := row.Scan(&o.ID, &channelID, &lane, &gen); err != nil {
			return o, err
		}
		var err error
		o.Task, err = task(o.ID, channelID, lane, gen)
		return o, err
	})
	return list, translate(err, "find overdue work")
}
