package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
)

// OpenSession starts a sender session with a lease.
func (db *DB) OpenSession(ctx context.Context, process string, lease time.Duration) (int64, error) {
	var id int64
	err := db.pool.QueryRow(ctx, `
		INSERT INTO sender_session (process, until)
		VALUES ($1, clock_timestamp() + make_interval(secs => $2)) RETURNING id`, process, lease.Seconds()).Scan(&id)
	return id, translate(err, "open a sender session")
}

// CloseSession ends a session with nothing in flight; batches it still holds become ready. It may be repeated.
func (db *DB) CloseSession(ctx context.Context, session int64) error {
	return db.tx(ctx, "close a sender session", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE sender_session SET ended_at = clock_timestamp(), inflight_batch = '{}', inflight_after = '{}',
			       inflight_through = '{}'
			WHERE id = $1 AND ended_at IS NULL`, session)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = reopenBatches(ctx, tx, session)
		return err
	})
}

// sessionsKept is for people. The ledger has no use for an ended session but for one minute: late evidence is offered for
// 30 seconds, and is judged by the rows of delivery alone, which keep the session's number. Who asks weeks later why
// a recipient is uncertain learns here which process it was, and when it died, to compare with a provider's log.
const sessionsKept = 30 * 24 * time.Hour

// purgeSessions removes at most limit sessions that ended before. One that still holds a batch stays: TakeOver finds such
// a batch by it. There are few, each on a page of its own: no index.
func (db *DB) purgeSessions(ctx context.Context, before time.Time, limit int) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM sender_session WHERE id IN (
			SELECT s.id FROM sender_session s WHERE s.ended_at < $1
			  AND NOT EXISTS (SELECT FROM batch b WHERE b.session_id = s.id AND b.state = 'claimed')
			LIMIT $2)`, before, limit)
	return tag.RowsAffected(), translate(err, "remove ended sender sessions")
}

const insertDeadLetters = `
INSERT INTO dead_letter (publication_id, channel_id, recipient_id, attempts, error_kind, error_code, error, fingerprint)
SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[])
ON CONFLICT (publication_id, channel_id, recipient_id) DO UPDATE SET
    attempts = excluded.attempts, error_kind = excluded.error_kind, error_code = excluded.error_code,
    error = excluded.error, fingerprint = excluded.fingerprint, created_at = now()`

func insertDead(ctx context.Context, tx pgx.Tx, dead []delivery.Outcome) error {
	if len(dead) == 0 {
		return nil
	}
	var publications, recipients []int64
	var channels, attempts []int16
	var kinds, codes, texts, prints []string
	for _, o := range dead {
		publications, recipients = append(publications, o.Publication), append(recipients, o.Recipient)
		channels, attempts = append(channels, o.Channel), append(attempts, o.Attempt)
		kinds, codes = append(kinds, o.Dead.Kind), append(codes, storable(o.Dead.Code))
		texts, prints = append(texts, storable(o.Dead.Error)), append(prints, o.Dead.Fingerprint)
	}
	_, err := tx.Exec(ctx, insertDeadLetters, publications, channels, recipients, attempts, kinds, codes, texts, prints)
	return err
}

// storable is text as a column takes it: valid UTF-8 without U+0000. What a provider answered may be neither, and
// must not keep the outcomes of everybody else from being written.
func storable(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

const settleLate = `
UPDATE delivery d SET state = i.state, attempt = i.attempt, reason = i.reason, settled_at = clock_timestamp()
FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::smallint[], $6::smallint[], $7::smallint[])
         AS i (publication_id, channel_id, recipient_id, state, attempt, reason),
     LATERAL (SELECT k.ctid AS tid, k.tableoid AS part FROM delivery k
              WHERE k.publication_id = i.publication_id AND k.channel_id = i.channel_id
                AND k.recipient_id = i.recipient_id AND k.state = 7 AND k.session_id = $1 OFFSET 0) x
WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.publication_id BETWEEN $8 AND $9
  AND d.state = 7 AND d.session_id = $1
RETURNING d.publication_id, d.channel_id, d.recipient_id`

// ledgerKey names a row of the ledger.
type ledgerKey struct {
	publication int64
	channel     int16
	recipient   int64
}

// SettleLate writes the outcomes of a session that was taken over, as evidence; see delivery.Ledger.
func (db *DB) SettleLate(ctx context.Context, session int64, outcomes []delivery.Outcome) error {
	o := outcomesOf(outcomes)
	return db.tx(ctx, "settle late outcomes", func(tx pgx.Tx) error {
		closed, err := holdClosed(ctx, tx, o)
		if err != nil {
			return err
		}
		changed := make(map[ledgerKey]bool)
		rows, err := tx.Query(ctx, settleLate, session, o.publication, o.channel, o.recipient, o.state, o.attempt, o.reason,
			o.first(), o.last())
		if err != nil {
			return err
		}
		var k ledgerKey
		if _, err := pgx.ForEachRow(rows, []any{&k.publication, &k.channel, &k.recipient}, func() error {
			changed[k] = true
			return nil
		}); err != nil {
			return err
		}
		came := changedOf(outcomes, changed)
		if err := db.announceSettled(ctx, tx, came); err != nil {
			return err
		}
		if err := addAttempts(ctx, tx, session, true, came); err != nil {
			return err
		}
		dead := outcomesOf(came).dead
		if err := insertDead(ctx, tx, dead); err != nil {
			return err
		}
		// Also of what an earlier call changed: a batch that was being released then was counted without it.
		return recount(ctx, tx, closed)
	})
}

// outcomeColumns and listColumns are rows turned into the arrays that unnest takes.
type outcomeColumns struct {
	publication, recipient          []int64
	channel, state, attempt, reason []int16
	dead                            []delivery.Outcome
	kept                            []delivery.Outcome // whose attempts have a row of their own
	unsure                          []delivery.Key     // who became uncertain
	held                            []delivery.Outcome // who is put off
}

func outcomesOf(outcomes []delivery.Outcome) outcomeColumns {
	n := len(outcomes)
	c := outcomeColumns{publication: make([]int64, n), recipient: make([]int64, n), channel: make([]int16, n),
		state: make([]int16, n), attempt: make([]int16, n), reason: make([]int16, n)}
	for i, o := range outcomes {
		c.publication[i], c.channel[i], c.recipient[i] = o.Publication, o.Channel, o.Recipient
		c.state[i], c.attempt[i], c.reason[i] = int16(o.State), o.Attempt, int16(o.Reason)
		if o.Dead != nil {
			c.dead = append(c.dead, o)
		}
		if o.State == delivery.Uncertain {
			c.unsure = append(c.unsure, delivery.Key{Publication: o.Publication, Channel: o.Channel, Recipient: o.Recipient})
		}
		if o.State == delivery.Deferred {
			c.held = append(c.held, o)
		}
		if keepAttempt(o) {
			c.kept = append(c.kept, o)
		}
	}
	return c
}

// first and last bound the publications, to leave the other partitions out.
func (c outcomeColumns) first() int64 { return bound(c.publication, slices.Min[[]int64]) }
func (c outcomeColumns) last() int64  { return bound(c.publication, slices.Max[[]int64]) }

func bound(ids []int64, of func([]int64) int64) int64 {
	if len(ids) == 0 {
		return 0
	}
	return of(ids)
}

type listColumns struct{ batch, after, through []int64 }

func listOf(windows []delivery.Window) listColumns {
	l := listColumns{batch: make([]int64, len(windows)), after: make([]int64, len(windows)), through: make([]int64, len(windows))}
	for i, w := range windows {
		l.batch[i], l.after[i], l.through[i] = w.Batch, w.After, w.Through
	}
	return l
}
