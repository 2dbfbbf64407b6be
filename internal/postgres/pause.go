package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
)

// Pauses lists what is paused, the oldest first.
func (db *DB) Pauses(ctx context.Context) ([]delivery.Pause, error) {
	rows, err := db.pool.Query(ctx, `SELECT scope, paused_by, created_at FROM pause ORDER BY created_at, scope`)
	if err != nil {
		return nil, translate(err, "list the pauses")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Pause, error) {
		var p delivery.Pause
		err := row.Scan(&p.Scope, &p.By, &p.At)
		return p, err
	})
	return list, translate(err, "list the pauses")
}

// Pause stores a pause. No provider call that it covers starts later than a second after this returns. It may be
// repeated.
func (db *DB) Pause(ctx context.Context, p delivery.Pause) error {
	channels, lanes := lanesOf(p.Covers)
	return db.tx(ctx, "pause", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO pause (scope, paused_by) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
			p.Scope, audit.Actor(ctx))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO pause_lane (scope, channel_id, lane) SELECT $1, * FROM unnest($2::smallint[], $3::smallint[])`,
			p.Scope, channels, lanes); err != nil {
			return err
		}
		return record(ctx, tx, "sending", "pause", ident.UID{}, map[string]any{"scope": p.Scope})
	})
}

// Resume lifts a pause, and nudges whatever was given back without a nudge meanwhile. It may be repeated.
func (db *DB) Resume(ctx context.Context, p delivery.Pause) error {
	channels, lanes := lanesOf(p.Covers)
	return db.tx(ctx, "resume", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM pause WHERE scope = $1`, p.Scope)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := record(ctx, tx, "sending", "resume", ident.UID{}, map[string]any{"scope": p.Scope}); err != nil {
			return err
		}
		var start time.Time
		if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&start); err != nil {
			return err
		}
		for {
			rows, err := tx.Query(ctx, nudgeLanes, channels, lanes, start, resumePage)
			if err != nil {
				return err
			}
			if n, err := nudgeAll(ctx, tx, rows); err != nil || n == 0 {
				return err
			}
		}
	})
}

// nudgeLanes nudges a page of the open batches of some channels and lanes that were last nudged before a moment. What is
// behind was not: if its turn has come meanwhile, the scheduler feeds it.
const nudgeLanes = `
UPDATE batch SET gen = gen + 1, nudged_at = clock_timestamp()
WHERE id IN (
    SELECT b.id FROM publication p, batch b, unnest($1::smallint[], $2::smallint[]) AS i (channel_id, lane)
    WHERE p.state = 'sending' AND b.publication_id = p.id AND b.state IN ('ready', 'waiting')
      AND b.channel_id = i.channel_id AND b.lane = i.lane AND b.place > 0 AND b.nudged_at < $3
    LIMIT $4 FOR UPDATE OF b)
RETURNING id, channel_id, lane, gen, not_before,
          (SELECT p.trace_context FROM publication p WHERE p.id = batch.publication_id)`

// PausedQueues are the names of the queues an operator paused.
func (db *DB) PausedQueues(ctx context.Context) ([]string, error) {
	rows, err := db.pool.Query(ctx, `SELECT substr(scope, 7) FROM pause WHERE starts_with(scope, 'queue:')`)
	if err != nil {
		return nil, translate(err, "read the paused queues")
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, translate(err, "read the paused queues")
}

func lanesOf(covers []delivery.ChannelLane) (channels, lanes []int16) {
	for _, c := range covers {
		channels, lanes = append(channels, c.Channel), append(lanes, c.Lane)
	}
	return channels, lanes
}
