package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

// After a restart of the server every session's lease has run out while nobody could renew it: senders get
// this long to come back first.
const lapsedSession = `
SELECT id, process, inflight_batch, inflight_after, inflight_through FROM sender_session
WHERE ended_at IS NULL AND until < clock_timestamp()
  AND pg_postmaster_start_time() < clock_timestamp() - interval '10 seconds'
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`

// What may have been an attempt is told as one.
const listedBecomeUncertain = `
WITH u AS (
UPDATE delivery d SET state = 7, reason = 8, attempt = d.attempt + 1, session_id = $1, settled_at = clock_timestamp()
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS w (batch_id, after, through),
     LATERAL (SELECT k.ctid AS tid, k.tableoid AS part, k.publication_id
              FROM batch b, LATERAL (SELECT l.ctid, l.tableoid, l.publication_id FROM delivery l
                    WHERE l.publication_id = b.publication_id AND l.channel_id = b.channel_id
                      AND l.recipient_id > w.after AND l.recipient_id <= w.through AND l.state = 0 OFFSET 0) k
              WHERE b.id = w.batch_id AND b.session_id = $1 AND b.state = 'claimed' OFFSET 0) x
WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.state = 0
RETURNING d.publication_id, d.channel_id, d.recipient_id, d.attempt, d.state, d.reason
), n AS (
` + startUncertain + `SELECT u.publication_id, u.channel_id, u.recipient_id, clock_timestamp() + make_interval(secs => $5) FROM u` + stillUncertain + `
), a AS (
INSERT INTO delivery_attempt (publication_id, channel_id, recipient_id, attempt, state, reason, session_id, error_kind, error_code)
SELECT u.*, $1, 'uncertain', 'process_died' FROM u
)
SELECT publication_id, channel_id, recipient_id, attempt FROM u`

// A claim that meets the end of its session sees it as open, and the takeover does not see the claim. Nothing of
// such a batch was listed: no flush is taken from a session that has ended.
const strandedBatch = `
SELECT s.id, s.process FROM batch b JOIN sender_session s ON s.id = b.session_id
WHERE b.state = 'claimed' AND s.ended_at IS NOT NULL LIMIT 1`

// TakeOver ends one session whose lease has run out: who was on its in-flight list becomes uncertain, and its
// batches become ready for others. So does what was claimed for a session just when it ended. It returns nil if
// there is none. Several processes may do it at once.
func (db *DB) TakeOver(ctx context.Context) (*delivery.Takeover, error) {
	var done *delivery.Takeover
	err := db.tx(ctx, "take a sender session over", func(tx pgx.Tx) error {
		done = nil
		var t delivery.Takeover
		var l listColumns
		err := tx.QueryRow(ctx, lapsedSession).Scan(&t.Session, &t.Process, &l.batch, &l.after, &l.through)
		if errors.Is(err, pgx.ErrNoRows) {
			done, err = reopenStranded(ctx, tx)
			return err
		}
		if err != nil {
			return err
		}
		if t.Uncertain, err = db.doubtListed(ctx, tx, t.Session, l); err != nil {
			return err
		}
		if err := noteCrashes(ctx, tx, t.Session); err != nil {
			return err
		}
		if t.Quarantined, err = db.quarantine(ctx, tx, t.Session); err != nil {
			return err
		}
		if t.Batches, err = reopenBatches(ctx, tx, t.Session); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE sender_session SET ended_at = clock_timestamp() WHERE id = $1`, t.Session)
		done = &t
		return err
	})
	return done, err
}

// doubtListed makes those uncertain who are on a session's list, and returns how many they are.
func (db *DB) doubtListed(ctx context.Context, tx pgx.Tx, session int64, l listColumns) (int, error) {
	rows, err := tx.Query(ctx, listedBecomeUncertain, session, l.batch, l.after, l.through, delivery.SettleTime.Seconds())
	if err != nil {
		return 0, err
	}
	listed, err := settledRows(rows, delivery.Uncertain, delivery.ProcessDied)
	if err != nil {
		return 0, err
	}
	return len(listed), db.announceSettled(ctx, tx, listed)
}

func reopenStranded(ctx context.Context, tx pgx.Tx) (*delivery.Takeover, error) {
	var t delivery.Takeover
	err := tx.QueryRow(ctx, strandedBatch).Scan(&t.Session, &t.Process)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // the contract of TakeOver
	}
	if err != nil {
		return nil, err
	}
	t.Batches, err = reopenBatches(ctx, tx, t.Session)
	return &t, err
}

// reopenBatches makes the batches a session holds ready again under a new generation, and nudges them.
func reopenBatches(ctx context.Context, tx pgx.Tx, session int64) (int, error) {
	rows, err := tx.Query(ctx, `
		UPDATE batch SET state = 'ready', gen = gen + 1, session_id = NULL, nudged_at = clock_timestamp()
		WHERE session_id = $1 AND state = 'claimed'
		RETURNING id, channel_id, lane, gen, not_before,
		          (SELECT p.trace_context FROM publication p WHERE p.id = batch.publication_id)`, session)
	if err != nil {
		return 0, err
	}
	return nudgeAll(ctx, tx, rows)
}
