package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/tasks"
)

const insertOutbox = `
INSERT INTO outbox (kind, queue, task_id, payload, not_before, trace_context)
SELECT kind, queue, task_id, payload, not_before, nullif(trace_context, '')
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
  AS t (kind, queue, task_id, payload, not_before, trace_context)`

// enqueueLater puts tasks in the outbox of the same transaction. Those that do not say what they follow from follow
// from what happens in ctx.
func enqueueLater(ctx context.Context, tx pgx.Tx, list []tasks.Task) error {
	if len(list) == 0 {
		return nil
	}
	here := telemetry.TraceParent(ctx)
	var kinds, queues, ids, payloads []string
	var notBefore []*time.Time
	for i := range list {
		t := &list[i]
		kinds, queues, ids = append(kinds, string(t.Kind)), append(queues, t.Queue), append(ids, t.ID)
		payloads = append(payloads, string(t.Payload))
		if t.NotBefore.IsZero() {
			notBefore = append(notBefore, nil)
		} else {
			notBefore = append(notBefore, &t.NotBefore)
		}
	}
	_, err := tx.Exec(ctx, insertOutbox, kinds, queues, ids, payloads, notBefore,
		parents(list, func(t tasks.Task) string { return cmp.Or(t.TraceParent, here) }))
	return err
}

// parents are the spans that rows follow from, as a column for unnest; nil, which it takes for NULL in every row, if
// there are none.
func parents[R any](rows []R, of func(R) string) []string {
	for i := range rows {
		if of(rows[i]) != "" {
			return column(rows, of)
		}
	}
	return nil
}

// Outbox reads a page of tasks to enqueue, oldest first. Rows stay until DeleteOutbox: a relay that dies in
// between enqueues them again, and the task id makes that the same task.
func (db *DB) Outbox(ctx context.Context, limit int) ([]tasks.Committed, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT id, kind, queue, task_id, payload, not_before, coalesce(trace_context, '')
		FROM outbox ORDER BY id LIMIT $1`, limit)
	if err != nil {
		return nil, translate(err, "read the outbox")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tasks.Committed, error) {
		var o tasks.Committed
		var notBefore *time.Time
		err := row.Scan(&o.Row, &o.Task.Kind, &o.Task.Queue, &o.Task.ID, &o.Task.Payload, &notBefore, &o.Task.TraceParent)
		if notBefore != nil {
			o.Task.NotBefore = *notBefore
		}
		return o, err
	})
	return list, translate(err, "read the outbox")
}

// DeleteOutbox removes tasks that the queue now has. By id, not up to an id: rows commit out of order. It does not wait
// for the disk: a row that comes back after a crash is the same task once more, and the relay has others to bring.
func (db *DB) DeleteOutbox(ctx context.Context, rows []int64) error {
	batch := &pgx.Batch{} // one transaction
	batch.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	batch.Queue(`DELETE FROM outbox WHERE id = ANY($1)`, rows)
	return translate(db.pool.SendBatch(ctx, batch).Close(), "delete from the outbox")
}

// batchTask is the nudge of a batch.
func batchTask(channelID int16, lane tasks.Lane, batch int64, gen int) (tasks.Task, error) {
	kind, err := channel.KindOf(channelID)
	if err != nil {
		return tasks.Task{}, err
	}
	args, err := tasks.NewSend(string(kind), batch, gen)
	if err != nil {
		return tasks.Task{}, err
	}
	return tasks.New(args, lane)
}

// A statement that nudges a batch n by itself gives its task the id and the payload that batchTask would; $11 of
// releaseBatch is tasks.Version. TestReleaseNudgesAsTasksDo compares them.
const (
	batchTaskID  = `format('b:%s:%s', n.id, n.gen)`
	batchPayload = `format('{"v":%s,"batch":%s,"gen":%s}', $11::integer, n.id, n.gen)`
)

// nudgedBatch is a batch whose generation was just raised.
type nudgedBatch struct {
	ID      int64
	Channel int16
	Lane    tasks.Lane
	Gen     int
	Not     *time.Time
	// Trace is the span to follow from; nil: what happens just now.
	Trace *string
}

// nudgeAll reads the batches that a statement returned (id, channel_id, lane, gen, not_before, trace_context) and
// puts their tasks in the outbox.
func nudgeAll(ctx context.Context, tx pgx.Tx, rows pgx.Rows) (int, error) {
	nudged, err := pgx.CollectRows(rows, pgx.RowToStructByPos[nudgedBatch])
	if err != nil {
		return 0, err
	}
	list := make([]tasks.Task, 0, len(nudged))
	for _, n := range nudged {
		t, err := batchTask(n.Channel, n.Lane, n.ID, n.Gen)
		if err != nil {
			return 0, err
		}
		if n.Not != nil {
			t.NotBefore = *n.Not
		}
		if n.Trace != nil {
			t.TraceParent = *n.Trace
		}
		list = append(list, t)
	}
	return len(list), enqueueLater(ctx, tx, list)
}
