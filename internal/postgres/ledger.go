package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/tasks"
)

// The statements of the send ledger. Each is one transaction, and each is tested on tables that were never
// analysed: right after a fan-out the planner knows nothing, and joining the ledger plainly can take a
// thousand times as long. What holds is to look rows up by their whole key in a LATERAL subquery with OFFSET
// 0, and to update by ctid. No other column of the updated row may be compared with one of the subquery: the
// planner would join on that instead. A range leaves partitions out without offering a join.

// mayStart is said of a batch b and its publication p.
const mayStart = ` p.state = 'sending'
          AND NOT EXISTS (SELECT FROM pause_lane l WHERE l.channel_id = b.channel_id AND l.lane = b.lane)`

// A claim that is repeated because its answer was lost finds its own token.
const claimBatch = `
UPDATE batch b SET state = 'claimed', token = $4, session_id = $1, not_before = NULL
FROM publication p
WHERE b.id = $2 AND b.gen = $3 AND p.id = b.publication_id
  AND (b.state = 'claimed' AND b.session_id = $1 AND b.token = $4
       OR b.state IN ('ready', 'waiting') AND (b.not_before IS NULL OR b.not_before <= clock_timestamp())
          AND` + mayStart + `)
  AND EXISTS (SELECT FROM sender_session WHERE id = $1 AND ended_at IS NULL)
RETURNING b.id, b.publication_id, b.channel_id, b.lane, b.gen, b.token, b.session_id, b.lo, b.hi, p.message`

// Claim takes a batch for a session; see delivery.Ledger.
func (db *DB) Claim(ctx context.Context, session, batch int64, gen, token int) (*delivery.Batch, error) {
	rows, err := db.pool.Query(ctx, claimBatch, session, batch, gen, token)
	if err != nil {
		return nil, translate(err, "claim a batch")
	}
	b, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[delivery.Batch])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, db.whyNotClaimed(ctx, batch, gen)
	}
	return b, translate(err, "claim a batch")
}

// A nudge that is the current one and was refused came too early, by a clock ahead of the database's, or for a
// session that has ended.
const stillOwed = `
SELECT greatest(b.not_before - clock_timestamp(), interval '1 second') FROM batch b, publication p
WHERE b.id = $1 AND b.gen = $2 AND b.state IN ('ready', 'waiting') AND p.id = b.publication_id AND` + mayStart

// whyNotClaimed is nil if the nudge is not needed any more, and else how long it has to wait.
func (db *DB) whyNotClaimed(ctx context.Context, batch int64, gen int) error {
	var wait time.Duration
	err := db.pool.QueryRow(ctx, stillOwed, batch, gen).Scan(&wait)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return translate(err, "look a refused claim up")
	}
	return fault.WaitFor(wait, "not_due", errors.New("the batch cannot be claimed yet"))
}

// wasUncertain says of a recipient d whether he was sent to once, and nobody knows with what success. Few publications
// have such, and of the others nobody is looked up. It also says in how many seconds they may not be sent to any more, if
// whoever made them owed again last said so.
const wasUncertain = `
       CASE WHEN a.reopened > 0 THEN EXISTS (
           SELECT FROM reopening r WHERE r.publication_id = d.publication_id AND r.channel_id = d.channel_id
             AND r.recipient_id = d.recipient_id AND r.was = 7) ELSE false END,
       CASE WHEN a.reopened > 0 THEN (
           SELECT extract(epoch FROM r.until - clock_timestamp())::float8 FROM reopening r
           WHERE r.publication_id = d.publication_id AND r.channel_id = d.channel_id AND r.recipient_id = d.recipient_id
           ORDER BY r.id DESC LIMIT 1) END`

// sinceWhen says since when a recipient d has been put off before, if they get everything together: what has waited for its
// digest is not held back for the next one.
const sinceWhen = ` CASE WHEN s.frequency > 0 THEN (
           SELECT min(t.at) FROM delivery_attempt t WHERE t.publication_id = d.publication_id AND t.channel_id = d.channel_id
             AND t.recipient_id = d.recipient_id AND t.attempt = 0 AND t.state = 1) END`

// neverWaited is that of whoever chose nothing.
const neverWaited = ` NULL::timestamptz`

const owedReaders = `
SELECT d.recipient_id, d.attempt, d.choice,
       CASE WHEN s.id IS NULL THEN 3 WHEN s.status <> 'active' THEN 1
            WHEN a.topics <> '{}' AND NOT s.topics && a.topics THEN 2
            WHEN s.suppression_id IS NOT NULL THEN coalesce((SELECT 12 + u.reason FROM suppression u WHERE u.id = s.suppression_id), 0)
            ELSE 0 END,
       coalesce(s.uid::text, ''), coalesce(s.email, ''), coalesce(s.name, ''), coalesce(s.language, ''),
       coalesce(s.timezone, ''), coalesce(s.country, ''), s.topics, s.attributes, coalesce(s.revoked_at, 'epoch'),` + wasUncertain + `,` + sinceWhen + `,` + chosenColumns + `
FROM delivery d
CROSS JOIN (SELECT ARRAY(SELECT jsonb_array_elements_text(audience -> 'topics')::integer) AS topics, reopened
            FROM publication WHERE id = $1) a
LEFT JOIN LATERAL (SELECT * FROM subscriber WHERE id = d.recipient_id OFFSET 0) s ON true
WHERE d.publication_id = $1 AND d.channel_id = $2 AND d.recipient_id > $3 AND d.recipient_id <= $4 AND d.state = 0
ORDER BY d.recipient_id`

const owedTargets = `
SELECT d.recipient_id, d.attempt, d.choice,
       CASE WHEN c.id IS NULL THEN 3 WHEN NOT c.enabled THEN 9 ELSE 0 END,
       coalesce(c.uid::text, ''), '', '', '', '', '', '{}'::integer[], '{}'::jsonb, 'epoch'::timestamptz,` + wasUncertain + `,` + neverWaited + `,` + nothingChosen + `
FROM delivery d
CROSS JOIN (SELECT reopened FROM publication WHERE id = $1) a
LEFT JOIN LATERAL (SELECT * FROM channel WHERE id = d.recipient_id OFFSET 0) c ON true
WHERE d.publication_id = $1 AND d.channel_id = $2 AND d.recipient_id > $3 AND d.recipient_id <= $4 AND d.state = 0
ORDER BY d.recipient_id`

// planOnce has what follows it in a pgx.Batch planned once for each connection. A statement on a partitioned table looks
// cheaper with the partitions left out that its arguments exclude, so PostgreSQL would plan it each time, and for this one
// takes longer over that than for all else.
const planOnce = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true)`

// Owed reads who of a claimed batch is still pending; see delivery.Ledger.
func (db *DB) Owed(ctx context.Context, b *delivery.Batch) ([]delivery.Recipient, error) {
	kind, err := channel.KindOf(b.Channel)
	if err != nil {
		return nil, err
	}
	statement := owedTargets
	switch {
	case b.Message:
		statement = owedMessage
	case kind.Personal():
		statement = owedReaders
	}
	var owed []owedRow
	var r rulesNow
	asked := time.Now() // not later than what the database's clock says
	batch := &pgx.Batch{}
	batch.Queue(planOnce)
	batch.Queue(rulesOf, b.Publication).QueryRow(r.scan)
	batch.Queue(statement, b.Publication, b.Channel, b.Lo, b.Hi).Query(func(rows pgx.Rows) error {
		owed, err = collectOwed(rows, asked)
		return err
	})
	if err := db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, translate(err, "read what a batch owes")
	}
	if r.digest != nil {
		if err := db.dropLeft(ctx, *r.digest, owed); err != nil {
			return nil, translate(err, "read what a digest is made of")
		}
	}
	list := make([]delivery.Recipient, len(owed))
	for i, o := range owed {
		if o.Topics, err = db.topicSlugs(ctx, o.topics); err != nil {
			return nil, err
		}
		if kind.Personal() {
			db.holdBack(&o, r, b.Channel, asked)
		}
		list[i] = o.Recipient
	}
	if b.Message {
		return list, db.suppressStrangers(ctx, list)
	}
	return list, nil
}

// owedRow is a recipient with what is looked at more closely.
type owedRow struct {
	delivery.Recipient
	topics []int32
	waited *time.Time // since when they were put off before, if that matters
	chosen chosen
}

func collectOwed(rows pgx.Rows, asked time.Time) ([]owedRow, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (owedRow, error) {
		var r owedRow
		var attributes []byte
		var expires *float64
		err := row.Scan(append([]any{&r.ID, &r.Attempt, &r.Choice, &r.Skip, &r.UID, &r.Email, &r.Name, &r.Language,
			&r.Timezone, &r.Country, &r.topics, &attributes, &r.Revoked, &r.InDoubt, &expires, &r.waited}, r.chosen.targets()...)...)
		if expires != nil {
			r.Until = asked.Add(time.Duration(*expires * float64(time.Second)))
		}
		r.Attributes = json.RawMessage(attributes)
		return r, err
	})
}

// In releaseBatch, "had" says whether the batch has a place that it passes on: it is done, or waits beside the places. It
// is of the snapshot, and nobody else changes it while the batch is claimed. What is behind is taken by whoever comes
// first: of several that close at once each feeds another.
const releaseBatch = `
WITH c AS (
    SELECT count(*) AS size,
           count(*) FILTER (WHERE state = 0) AS pending,
           count(*) FILTER (WHERE state = 1) AS deferred,
           count(*) FILTER (WHERE state IN (2, 3, 4, 5)) AS sent,
           count(*) FILTER (WHERE state = 6) AS failed,
           count(*) FILTER (WHERE state = 7) AS uncertain,
           count(*) FILTER (WHERE state IN (8, 9)) AS skipped
    FROM delivery WHERE publication_id = $4 AND channel_id = $5 AND recipient_id > $6 AND recipient_id <= $7
), had AS (
    SELECT b.place = 1 AND CASE WHEN c.pending = 0 THEN true WHEN $8::float8 > 0 THEN $14 > (
               SELECT count(*) FROM (SELECT FROM batch WHERE publication_id * 32768 + channel_id = $4 * 32768 + $5
                   AND place = 2 AND` + isOpen + ` LIMIT $14) beside) END AS passes
    FROM batch b, c WHERE b.id = $1
), u AS (
    UPDATE batch b SET
        state = CASE WHEN c.pending = 0 THEN 'done' WHEN $8 > 0 THEN 'waiting' ELSE 'ready' END,
        not_before = CASE WHEN c.pending > 0 AND $8 > 0 THEN clock_timestamp() + make_interval(secs => $8) END,
        gen = b.gen + CASE WHEN c.pending > 0 THEN 1 ELSE 0 END,
        place = CASE WHEN c.pending = 0 THEN 0 WHEN had.passes THEN 2 ELSE b.place END,
        nudged_at = clock_timestamp(), session_id = NULL, crashes = 0,
        n_sent = c.sent, n_failed = c.failed, n_uncertain = c.uncertain, n_skipped = c.skipped,
        n_deferred = c.deferred
    FROM c, had
    WHERE b.id = $1 AND b.token = $2 AND b.session_id = $3 AND b.state = 'claimed'
    RETURNING b.id, b.gen, b.state, b.not_before
), going AS (
    SELECT p.trace_context FROM publication p WHERE p.id = $4 AND p.state = 'sending'
      AND NOT EXISTS (SELECT FROM pause_lane l WHERE l.channel_id = $5 AND l.lane = $12)
), behind AS (
    SELECT n.id FROM u, going, had, LATERAL (
        SELECT id FROM batch WHERE publication_id * 32768 + channel_id = $4 * 32768 + $5 AND` + isFirst + `
        LIMIT 1 FOR UPDATE SKIP LOCKED) n
    WHERE had.passes
), fed AS (
    UPDATE batch SET place = 1, gen = gen + 1, nudged_at = clock_timestamp()
    WHERE id = (SELECT id FROM behind) RETURNING id, gen
), nudge AS (
    INSERT INTO outbox (kind, queue, task_id, payload, not_before, trace_context)
    SELECT $9, $10, ` + batchTaskID + `, ` + batchPayload + `, n.not_before, n.trace
    FROM (SELECT u.id, u.gen, u.not_before, nullif($13, '') FROM u, going WHERE u.state <> 'done'
          UNION ALL SELECT fed.id, fed.gen, NULL, going.trace_context FROM fed, going) n (id, gen, not_before, trace)
)
SELECT u.state = 'done', c.failed, c.pending, c.size, EXISTS (SELECT FROM fed), EXISTS (SELECT FROM going) FROM u, c`

// Release recounts a batch and gives it back; see delivery.Ledger. If it has a place to pass on, the next that is behind
// is nudged. Work that is paused gets no nudge: resuming gives it one.
func (db *DB) Release(ctx context.Context, b *delivery.Batch, wait time.Duration) (delivery.Released, error) {
	like, err := batchTask(b.Channel, b.Lane, b.ID, b.Gen)
	if err != nil {
		return delivery.Released{}, err
	}
	var r delivery.Released
	var going bool
	err = db.pool.QueryRow(ctx, releaseBatch, b.ID, b.Token, b.Session, b.Publication, b.Channel, b.Lo, b.Hi,
		wait.Seconds(), like.Kind, like.Queue, tasks.Version, b.Lane, telemetry.TraceParent(ctx), besideOf(b.Channel),
	).Scan(&r.Done, &r.Failed, &r.Pending, &r.Size, &r.Fed, &going)
	if errors.Is(err, pgx.ErrNoRows) {
		return delivery.Released{}, delivery.ErrFenced
	}
	r.Stopped = !going
	return r, translate(err, "release a batch")
}

const stoppedPublications = `SELECT id FROM publication WHERE id = ANY($1) AND state <> 'sending'`

const pausedLanes = `SELECT channel_id, lane FROM pause_lane`

// manyRevoked is how many withdrawals in 30 seconds are looked through. Beyond that, after an import that unsubscribes a
// hundred thousand, those in hand are looked up one by one: neither costs more than some milliseconds.
const manyRevoked = 1000

// recentlyRevoked looks back further than a batch is held, and covers rows that commit late. It looks from now(), which
// is stable: an index is of no use against clock_timestamp(), which may change from row to row. The order keeps a planner
// that knows nothing of the table on the index.
const recentlyRevoked = `
SELECT id, revoked_at FROM subscriber WHERE revoked_at > now() - interval '30 seconds'
ORDER BY revoked_at DESC LIMIT $1`

// revokedOf needs no bound: a withdrawal counts if it is later than what was read of its recipient.
const revokedOf = `
SELECT s.id, s.revoked_at FROM unnest($1::bigint[]) AS i (id),
       LATERAL (SELECT k.id, k.revoked_at FROM subscriber k WHERE k.id = i.id AND k.revoked_at IS NOT NULL OFFSET 0) s`

// Control reads what was changed by others; see delivery.Ledger.
func (db *DB) Control(ctx context.Context, h delivery.InHand) (delivery.Control, error) {
	c := delivery.Control{Stopped: map[int64]bool{}, Paused: map[delivery.ChannelLane]bool{}}
	batch := &pgx.Batch{}
	batch.Queue(stoppedPublications, h.Publications).Query(func(rows pgx.Rows) error {
		var id int64
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error { c.Stopped[id] = true; return nil })
		return err
	})
	batch.Queue(pausedLanes).Query(func(rows pgx.Rows) error {
		var lane delivery.ChannelLane
		_, err := pgx.ForEachRow(rows, []any{&lane.Channel, &lane.Lane}, func() error { c.Paused[lane] = true; return nil })
		return err
	})
	batch.Queue(recentlyRevoked, manyRevoked+1).Query(func(rows pgx.Rows) (err error) {
		c.Revoked, err = revokedAt(rows)
		return err
	})
	err := db.pool.SendBatch(ctx, batch).Close()
	if err == nil && len(c.Revoked) > manyRevoked {
		var rows pgx.Rows
		if rows, err = db.pool.Query(ctx, revokedOf, h.Readers); err == nil {
			c.Revoked, err = revokedAt(rows)
		}
	}
	if err != nil {
		return delivery.Control{}, translate(err, "read the controls")
	}
	return c, nil
}

func revokedAt(rows pgx.Rows) (map[int64]time.Time, error) {
	list := make(map[int64]time.Time)
	var id int64
	var at time.Time
	_, err := pgx.ForEachRow(rows, []any{&id, &at}, func() error { list[id] = at; return nil })
	return list, err
}
