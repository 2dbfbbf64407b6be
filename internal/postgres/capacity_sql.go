package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/publication"
)

// The statements go by indexes that hold nothing but what is open. For ten million recipients under way these are
// 100,000 rows of batch.

// owedBatches counts a batch that was begun by its counters, which are as of when it was last given back.
const owedBatches = `
SELECT b.publication_id, b.channel_id, b.lane, p.state = 'sending', b.ready, b.running, b.retrying, b.late,
       clock_timestamp() - coalesce(p.started_at, p.created_at)
FROM (SELECT k.publication_id, k.channel_id, k.lane,
             coalesce(sum(k.owed) FILTER (WHERE k.state <> 'claimed' AND k.not_before IS NULL), 0)::float8 AS ready,
             coalesce(sum(k.owed) FILTER (WHERE k.state = 'claimed'), 0)::float8 AS running,
             coalesce(sum(k.owed) FILTER (WHERE k.state <> 'claimed' AND k.not_before <= clock_timestamp() + $1::interval), 0)::float8 AS retrying,
             coalesce(sum(k.owed) FILTER (WHERE k.state <> 'claimed' AND k.not_before > clock_timestamp() + $1::interval), 0)::float8 AS late
      FROM (SELECT *, size - n_sent - n_failed - n_skipped - n_uncertain - n_deferred AS owed FROM batch
            WHERE state IN ('ready', 'claimed', 'waiting')) k
      GROUP BY 1, 2, 3) b
JOIN publication p ON p.id = b.publication_id
WHERE p.state IN ('sending', 'pausing', 'paused', 'cancelling')`

const owedFanouts = `
SELECT p.lane, p.channels, (p.audience - 'subscribers' - 'exclude')::text, coalesce(jsonb_array_length(p.audience -> 'subscribers'), -1),
       r.n, r.ids, clock_timestamp() - coalesce(p.started_at, p.created_at)
FROM (SELECT publication_id, count(*) AS n, sum(hi - cursor)::float8 AS ids FROM fanout_range WHERE NOT done GROUP BY 1) r
JOIN publication p ON p.id = r.publication_id
WHERE p.state = 'sending'`

const owedPublications = `
SELECT priority, channels, audience, named, soon, count(*)::float8, greatest(clock_timestamp() - min(due), interval '0')
FROM (SELECT priority, channels, (audience - 'subscribers' - 'exclude')::text AS audience,
             coalesce(jsonb_array_length(audience -> 'subscribers'), -1) AS named, false AS soon, coalesce(scheduled_at, created_at) AS due
      FROM publication WHERE state IN ('queued', 'rendering')
      UNION ALL
      SELECT priority, channels, (audience - 'subscribers' - 'exclude')::text, coalesce(jsonb_array_length(audience -> 'subscribers'), -1),
             true, scheduled_at
      FROM publication WHERE state = 'scheduled' AND scheduled_at <= clock_timestamp() + $1::interval) p
GROUP BY 1, 2, 3, 4, 5`

// uncounted says whether events wait to be counted. Those of the last seconds always do.
const uncounted = `
SELECT EXISTS (SELECT FROM event e WHERE e.tx >= (SELECT tx FROM stat_cursor)
                 AND e.at > clock_timestamp() - interval '31 days' AND e.at < clock_timestamp() - interval '15 seconds')`

// serverRoom is how many connections the server has for roles that are no superusers, and how many are open. The second
// reserve is PostgreSQL 16's.
const serverRoom = `
SELECT clock_timestamp(), current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
         - coalesce(current_setting('reserved_connections', true)::integer, 0),
       (SELECT coalesce(sum(numbackends), 0)::integer FROM pg_stat_database),
       (SELECT coalesce(max(id), 0) FROM subscriber)`

// alive is how long ago a worker may have said something: three times its period.
const alive = 3 * capacity.Period

const liveWorkers = `
SELECT queues, draining, busy, per_second, database_pool, database_open FROM worker
WHERE seen_at > clock_timestamp() - $1::interval`

// read asks everything in one round trip.
func (c *Capacity) read(ctx context.Context, horizon time.Duration, l *capacity.Load) (*owed, error) {
	o := &owed{places: map[string]int{}, paused: map[string]bool{}, lanes: map[[2]int16]bool{}}
	b := &pgx.Batch{}
	collect(b.Queue(owedBatches, horizon), &o.batches)
	collect(b.Queue(owedFanouts), &o.fanouts)
	collect(b.Queue(owedPublications, horizon), &o.coming)
	b.Queue(uncounted).QueryRow(func(row pgx.Row) error { return row.Scan(&o.events) })
	b.Queue(serverRoom).QueryRow(func(row pgx.Row) error { return row.Scan(&l.At, &l.Connections, &l.InUse, &o.readers) })
	collect(b.Queue(liveWorkers, alive), &l.Workers)
	b.Queue(`SELECT kind, seconds, share, worker FROM service_time`).Query(func(rows pgx.Rows) error {
		var kind string
		var cost capacity.Cost
		_, err := pgx.ForEachRow(rows, []any{&kind, &cost.Seconds, &cost.Share, &cost.Worker}, func() error {
			l.Costs[kind] = cost
			return nil
		})
		return err
	})
	b.Queue(`SELECT kind, count(*) FROM channel WHERE enabled GROUP BY 1`).Query(func(rows pgx.Rows) error {
		var kind string
		var n int
		_, err := pgx.ForEachRow(rows, []any{&kind, &n}, func() error { o.places[kind] = n; return nil })
		return err
	})
	b.Queue(`SELECT scope FROM pause`).Query(func(rows pgx.Rows) error {
		var scope string
		_, err := pgx.ForEachRow(rows, []any{&scope}, func() error { o.paused[scope] = true; return nil })
		return err
	})
	b.Queue(`SELECT channel_id, lane FROM pause_lane`).Query(func(rows pgx.Rows) error {
		var covered [2]int16
		_, err := pgx.ForEachRow(rows, []any{&covered[0], &covered[1]}, func() error { o.lanes[covered] = true; return nil })
		return err
	})
	return o, c.db.pool.SendBatch(ctx, b).Close()
}

// collect reads the rows of a queued statement into structs, by position.
func collect[T any](q *pgx.QueuedQuery, into *[]T) {
	q.Query(func(rows pgx.Rows) error {
		var err error
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	})
}

// estimateAudience is about how many readers an audience has, which is JSON and names nobody: the planner's estimate, by its topics
// and rules, or what its snapshot has, or those for whom its digest has something.
func (db *DB) estimateAudience(ctx context.Context, text string) (float64, error) {
	var a publication.Audience
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return 0, fmt.Errorf("read an audience: %w", err)
	}
	if a.Digest != 0 {
		n, err := db.countDigest(ctx, a.Digest, math.MaxInt32)
		return float64(n), err
	}
	if a.Snapshot != nil {
		var n float64
		err := db.pool.QueryRow(ctx, `SELECT coalesce((SELECT count FROM segment_snapshot WHERE id = $1), 0)::float8`, a.Snapshot.ID).Scan(&n)
		return n, translate(err, "estimate an audience")
	}
	p, err := db.audience(ctx, `SELECT FROM subscriber s WHERE`+audienceFilter, a, time.Now())
	if err != nil {
		return 0, translate(err, "estimate an audience")
	}
	n, err := db.guess(ctx, p.end(``))
	return float64(n), err
}
