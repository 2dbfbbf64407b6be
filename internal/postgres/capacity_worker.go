package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/ident"
)

const sayWorker = `
INSERT INTO worker (id, process, queues, draining, busy, per_second, database_pool, database_open)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET draining = excluded.draining, busy = excluded.busy, per_second = excluded.per_second,
    database_pool = excluded.database_pool, database_open = excluded.database_open, seen_at = clock_timestamp()`

// What one worker measured within a period moves the average by a fifth of the way: half of it is of the last three
// reports, so of the last 15 seconds with one worker, and of a moment ago with many.
const sayCost = `
INSERT INTO service_time AS s (kind, seconds, share, worker) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind) DO UPDATE SET measured_at = clock_timestamp(),
    seconds = s.seconds + 0.2 * (excluded.seconds - s.seconds), share = s.share + 0.2 * (excluded.share - s.share),
    worker = s.worker + 0.2 * (excluded.worker - s.worker)`

// forgottenAfter is how long the row of a worker that died stays, for people.
const forgottenAfter = time.Hour

// Say stores what a worker says of itself, and removes those that died long ago.
func (c *Capacity) Say(ctx context.Context, id ident.UID, process string, w capacity.Worker, costs map[string]capacity.Cost) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM worker WHERE seen_at < clock_timestamp() - $1::interval`, forgottenAfter)
	b.Queue(sayWorker, id, process, w.Queues, w.Draining, w.Busy, w.PerSecond, w.DatabasePool, w.DatabaseOpen)
	for _, kind := range slices.Sorted(maps.Keys(costs)) { // in one order: several workers update the same rows
		cost := costs[kind]
		b.Queue(sayCost, kind, cost.Seconds, cost.Share, cost.Worker)
	}
	return translate(c.db.pool.SendBatch(ctx, b).Close(), "say how a worker is")
}

// Leave takes a worker out. It may be repeated.
func (c *Capacity) Leave(ctx context.Context, id ident.UID) error {
	_, err := c.db.pool.Exec(ctx, `DELETE FROM worker WHERE id = $1`, id)
	return translate(err, "take a worker out")
}

// wantReplicas notes and asks in one statement, which does not see its own rows: hence the greatest of both. One row a
// pool and five seconds is written, however many ask.
const wantReplicas = `
WITH now AS (
    SELECT pool, replicas, to_timestamp(floor(extract(epoch FROM clock_timestamp()) / 5) * 5) AS step
    FROM unnest($1::text[], $2::integer[]) AS w (pool, replicas)
), noted AS (
    INSERT INTO pool_wanted AS p (pool, step, replicas) SELECT pool, step, replicas FROM now
    ON CONFLICT (pool, step) DO UPDATE SET replicas = excluded.replicas WHERE p.replicas < excluded.replicas
), forgotten AS (
    DELETE FROM pool_wanted WHERE step < clock_timestamp() - 2 * $3::interval - interval '1 minute'
)
SELECT n.pool, greatest(n.replicas, (SELECT max(p.replicas) FROM pool_wanted p
                                     WHERE p.pool = n.pool AND p.step > clock_timestamp() - $3::interval))
FROM now n`

// Want notes what is wanted; see capacity.Record.
func (c *Capacity) Want(ctx context.Context, wanted map[string]int, window time.Duration) (map[string]int, error) {
	var pools []string
	var replicas []int
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		pools, replicas = append(pools, name), append(replicas, wanted[name])
	}
	rows, err := c.db.pool.Query(ctx, wantReplicas, pools, replicas, window)
	if err != nil {
		return nil, translate(err, "note what is wanted")
	}
	most := make(map[string]int, len(wanted))
	var pool string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&pool, &n}, func() error { most[pool] = n; return nil })
	return most, translate(err, "note what is wanted")
}
