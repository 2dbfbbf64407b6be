package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

// A batch is suspected of having killed its worker if nobody of it was sent to, or was about to be: whatever it does
// kills before that, and would do so for ever. A recipient who kills does so once, since he was listed and is
// uncertain now.
const noteBatchCrashes = `
UPDATE batch b SET crashes = CASE WHEN EXISTS (
           SELECT FROM delivery d WHERE d.publication_id = b.publication_id AND d.channel_id = b.channel_id
             AND d.recipient_id > b.lo AND d.recipient_id <= b.hi AND d.session_id = $1) THEN 0 ELSE b.crashes + 1 END
WHERE b.session_id = $1 AND b.state = 'claimed'`

func noteCrashes(ctx context.Context, tx pgx.Tx, session int64) error {
	_, err := tx.Exec(ctx, noteBatchCrashes, session)
	return err
}

const quarantineBatches = `
UPDATE batch SET state = 'done', crashes = 0, session_id = NULL
WHERE session_id = $1 AND state = 'claimed' AND crashes >= $2
RETURNING id, publication_id, channel_id, lo, hi`

const quarantineOwed = `
UPDATE delivery d SET state = 6, reason = 12, session_id = $1, settled_at = clock_timestamp()
FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[]) AS r (publication_id, channel_id, lo, hi),
     LATERAL (SELECT k.ctid AS tid, k.tableoid AS part FROM delivery k
              WHERE k.publication_id = r.publication_id AND k.channel_id = r.channel_id
                AND k.recipient_id > r.lo AND k.recipient_id <= r.hi AND k.state = 0 OFFSET 0) x
WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.state = 0
RETURNING d.publication_id, d.channel_id, d.recipient_id, d.attempt`

// quarantine ends the batches of a session that have killed too many workers: whoever they owe has a dead letter, which
// can be replayed. It returns how many letters that are.
func (db *DB) quarantine(ctx context.Context, tx pgx.Tx, session int64) (int, error) {
	rows, err := tx.Query(ctx, quarantineBatches, session, delivery.MaxCrashes)
	if err != nil {
		return 0, err
	}
	var ids, publications, los, his []int64
	var channels []int16
	var id, publication, lo, hi int64
	var channelID int16
	if _, err := pgx.ForEachRow(rows, []any{&id, &publication, &channelID, &lo, &hi}, func() error {
		ids, publications, channels = append(ids, id), append(publications, publication), append(channels, channelID)
		los, his = append(los, lo), append(his, hi)
		return nil
	}); err != nil || len(los) == 0 {
		return 0, err
	}
	if err := db.keepDoubts(ctx, tx, ids, delivery.Pending); err != nil {
		return 0, err
	}
	if rows, err = tx.Query(ctx, quarantineOwed, session, publications, channels, los, his); err != nil {
		return 0, err
	}
	dead, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Outcome, error) {
		o := delivery.Outcome{State: delivery.Failed, Reason: delivery.Quarantined}
		err := row.Scan(&o.Publication, &o.Channel, &o.Recipient, &o.Attempt)
		o.Dead = delivery.QuarantinedLetter(o.Channel)
		return o, err
	})
	if err != nil {
		return 0, err
	}
	if err := insertDead(ctx, tx, dead); err != nil {
		return 0, err
	}
	if err := db.announceSettled(ctx, tx, dead); err != nil {
		return 0, err
	}
	return len(dead), recount(ctx, tx, ids)
}

// NoteCrashes counts a worker's death against the renders and ranges that it was working on. A publication of one that
// has killed delivery.MaxCrashes is paused, and its failure says why: an operator can look, and resume it to try again.
// It returns how many publications that are. Of batches the sessions say more; see TakeOver. It may be repeated, by several
// at once: a death counts for the generation of its task, and the work has another one from then on.
func (db *DB) NoteCrashes(ctx context.Context, died []delivery.Overdue) (n int, err error) {
	ids := idsByKind(died)
	current := column(died, func(o delivery.Overdue) string { return o.Task.ID })
	err = db.tx(ctx, "note crashes", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, noteRenderCrashes, ids[0], current); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, noteRangeCrashes, ids[1], current); err != nil {
			return err
		}
		renders, err := tx.Exec(ctx, pauseCrashedRenders, ids[0], delivery.MaxCrashes)
		if err != nil {
			return err
		}
		ranges, err := tx.Exec(ctx, pauseCrashedRanges, ids[1], delivery.MaxCrashes)
		n = int(renders.RowsAffected() + ranges.RowsAffected())
		return err
	})
	return n, err
}

// What is paused begins to count anew. A task's id is that of tasks.Render and tasks.Personalize.
const (
	noteRenderCrashes = `
UPDATE publication SET crashes = crashes + 1, gen = gen + 1 WHERE id = ANY($1) AND format('r:%s:%s', id, gen) = ANY($2)`

	noteRangeCrashes = `
UPDATE fanout_range SET crashes = crashes + 1, gen = gen + 1 WHERE id = ANY($1) AND format('p:%s:%s', id, gen) = ANY($2)`

	pauseCrashedRenders = `
UPDATE publication SET state = 'pausing', crashes = 0, failure = 'Paused: rendering it has killed ' || $2::integer || ' workers.',
       updated_at = clock_timestamp(), version = version + 1
WHERE id = ANY($1) AND crashes >= $2 AND state IN ('queued', 'rendering')`

	pauseCrashedRanges = `
WITH r AS (UPDATE fanout_range SET crashes = 0 WHERE id = ANY($1) AND crashes >= $2 RETURNING publication_id)
UPDATE publication SET state = 'pausing', failure = 'Paused: expanding its audience has killed ' || $2::integer || ' workers.',
       updated_at = clock_timestamp(), version = version + 1
WHERE id IN (SELECT publication_id FROM r) AND state = 'sending'`
)
