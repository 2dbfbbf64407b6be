package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
)

// Settled rows that become owed again. Their batches are locked first, in the order publication, batch, row: a batch
// that is with a worker is left alone, since what it counts when it is given back was read before. Late evidence
// changes only rows that are uncertain under its own session: a row that was made owed again is so under none.

// holdPublications keeps publications in the state they are in, and says which of them can be sent again.
const holdPublications = `
SELECT id FROM publication WHERE id = ANY($1)
  AND state IN ('sending', 'pausing', 'paused', 'completed', 'completed_with_failures')
ORDER BY id FOR NO KEY UPDATE`

// batchesOf finds the batch of each key by the index batch_range: the first that ends at the recipient or later.
const batchesOf = `
SELECT i.publication_id, i.channel_id, i.recipient_id, o.id
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS i (publication_id, channel_id, recipient_id),
     LATERAL (SELECT k.id, k.lo FROM batch k WHERE k.publication_id = i.publication_id AND k.channel_id = i.channel_id
                AND k.hi >= i.recipient_id ORDER BY k.hi LIMIT 1) o
WHERE o.lo < i.recipient_id`

// holdBatches says which of the batches are with no worker, and keeps it so.
const holdBatches = `
SELECT id FROM (SELECT id, state FROM batch WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE) b WHERE b.state <> 'claimed'`

const reopenRows = `
WITH o AS (
    UPDATE delivery d SET state = 0, attempt = 0, reason = 0, session_id = NULL, settled_at = NULL
    FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $9::float8[]) AS i (publication_id, channel_id, recipient_id, expires),
         LATERAL (SELECT k.ctid AS tid, k.tableoid AS part, k.state AS was, k.reason AS why, k.attempt AS used FROM delivery k
                  WHERE k.publication_id = i.publication_id AND k.channel_id = i.channel_id
                    AND k.recipient_id = i.recipient_id AND k.state = $6 OFFSET 0) x
    WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.publication_id BETWEEN $4 AND $5 AND d.state = $6
    RETURNING d.publication_id, d.channel_id, d.recipient_id, x.was, x.why, x.used, i.expires
), l AS (
    UPDATE dead_letter t SET replayed_at = clock_timestamp(), replayed_by = $7
    FROM o, LATERAL (SELECT k.id FROM dead_letter k WHERE k.publication_id = o.publication_id
                       AND k.channel_id = o.channel_id AND k.recipient_id = o.recipient_id OFFSET 0) y
    WHERE t.id = y.id AND o.was = 6
    RETURNING t.publication_id, t.channel_id, t.recipient_id, t.fingerprint
), u AS (
    DELETE FROM uncertain t
    USING o, LATERAL (SELECT k.id FROM uncertain k WHERE k.publication_id = o.publication_id
                        AND k.channel_id = o.channel_id AND k.recipient_id = o.recipient_id OFFSET 0) y
    WHERE t.id = y.id AND o.was = 7
)
INSERT INTO reopening (publication_id, channel_id, recipient_id, was, reason, attempts, fingerprint, by, replay_id, until)
SELECT publication_id, channel_id, recipient_id, was, why, used, coalesce(fingerprint, ''), $7, nullif($8::bigint, 0),
       now() + make_interval(secs => expires)
FROM o LEFT JOIN l USING (publication_id, channel_id, recipient_id)
RETURNING publication_id, channel_id, recipient_id`

// reopenClosed makes the closed ones of some batches ready, at a place $2. Open ones are nudged already.
const reopenClosed = `
UPDATE batch SET state = 'ready', gen = gen + 1, place = $2, crashes = 0, not_before = NULL, nudged_at = clock_timestamp()
WHERE id = ANY($1) AND state = 'done'
RETURNING id, channel_id, lane, gen, not_before,
          (SELECT p.trace_context FROM publication p WHERE p.id = batch.publication_id)`

// resumePublications makes completed publications sending again; see advancePublications for the count.
const resumePublications = `
UPDATE publication p SET reopened = reopened + 1,
       state = CASE WHEN starts_with(p.state, 'completed') THEN 'sending' ELSE p.state END,
       version = version + CASE WHEN starts_with(p.state, 'completed') THEN 1 ELSE 0 END,
       completed_at = NULL, updated_at = CASE WHEN starts_with(p.state, 'completed') THEN clock_timestamp() ELSE p.updated_at END
FROM (SELECT id, state FROM publication WHERE id = ANY($1) FOR NO KEY UPDATE) was
WHERE p.id = was.id
RETURNING p.id, was.state, p.state`

// reopening says who makes rows owed again, and of which state they are.
type reopening struct {
	by     string
	replay int64 // the job; 0: none
	was    delivery.State
	// expires says of some for how long they may be sent to, in seconds since the transaction began. nil: of nobody.
	expires map[delivery.Key]float64
}

// expiries is when rows expire, as a column: null if they do not.
func (r reopening) expiries(keys []delivery.Key) []*float64 {
	return column(keys, func(k delivery.Key) *float64 {
		if after, ends := r.expires[k]; ends {
			return &after
		}
		return nil
	})
}

// reopen makes rows that are failed, or uncertain, owed again, with all their attempts, and has their batches sent. It
// returns what became of each. It may be repeated: rows that are owed already stay as they are.
func (db *DB) reopen(ctx context.Context, tx pgx.Tx, keys []delivery.Key, r reopening) ([]delivery.Fate, error) {
	going, err := idsOf(ctx, tx, holdPublications, publicationsOf(keys))
	if err != nil {
		return nil, err
	}
	h, err := hold(ctx, tx, keys, func(k delivery.Key) bool { return going[k.Publication] })
	if err != nil {
		return nil, err
	}
	c := columnsOfKeys(h.free)
	changed, err := ledgerKeys(ctx, tx, reopenRows, c.publication, c.channel, c.recipient, c.first(), c.last(),
		int16(r.was), r.by, r.replay, r.expiries(h.free))
	if err != nil {
		return nil, err
	}
	if len(changed) == 0 {
		return h.fates(keys, changed), nil
	}
	if err := db.announceReopened(ctx, tx, changed); err != nil {
		return nil, err
	}
	again, err := h.reopen(ctx, tx, changed)
	if err != nil {
		return nil, err
	}
	if err := db.announcePublications(ctx, tx, again...); err != nil {
		return nil, err
	}
	return h.fates(keys, changed), nil
}

// held is rows whose batches no worker can take while the transaction lasts.
type held struct {
	free  []delivery.Key
	batch map[delivery.Key]int64 // of the free ones
	fate  map[delivery.Key]delivery.Fate
}

// hold locks the batches of the rows that may be changed.
func hold(ctx context.Context, tx pgx.Tx, keys []delivery.Key, may func(delivery.Key) bool) (*held, error) {
	h := &held{batch: make(map[delivery.Key]int64), fate: make(map[delivery.Key]delivery.Fate)}
	var wanted []delivery.Key
	for _, k := range keys {
		if may(k) {
			wanted = append(wanted, k)
		} else {
			h.fate[k] = delivery.Refused
		}
	}
	of, ids, err := findBatches(ctx, tx, columnsOfKeys(wanted))
	if err != nil {
		return nil, err
	}
	free, err := idsOf(ctx, tx, holdBatches, ids)
	if err != nil {
		return nil, err
	}
	for _, k := range wanted {
		switch id, known := of[k]; {
		case !known: // no such row
		case free[id]:
			h.free, h.batch[k] = append(h.free, k), id
		default:
			h.fate[k] = delivery.Busy
		}
	}
	return h, nil
}

func findBatches(ctx context.Context, tx pgx.Tx, c outcomeColumns) (map[delivery.Key]int64, []int64, error) {
	rows, err := tx.Query(ctx, batchesOf, c.publication, c.channel, c.recipient)
	if err != nil {
		return nil, nil, err
	}
	of, seen, ids := make(map[delivery.Key]int64), make(map[int64]bool), []int64{}
	var k delivery.Key
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&k.Publication, &k.Channel, &k.Recipient, &id}, func() error {
		of[k] = id
		if !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
		return nil
	})
	return of, ids, err
}

// batches are those of some keys, each once.
func (h *held) batches(of map[delivery.Key]bool) []int64 {
	seen, ids := make(map[int64]bool), []int64{}
	for k := range of {
		if id := h.batch[k]; !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
	}
	return ids
}

// reopen has the batches of changed rows sent, and their publications with them. It returns those that go on after they were
// completed.
func (h *held) reopen(ctx context.Context, tx pgx.Tx, changed map[delivery.Key]bool) ([]happened, error) {
	ids := h.batches(changed)
	if err := recount(ctx, tx, ids); err != nil {
		return nil, err
	}
	var list []delivery.Key
	for k := range changed {
		list = append(list, k)
	}
	again, err := resume(ctx, tx, publicationsOf(list))
	if err != nil {
		return nil, err
	}
	return again, sendAgain(ctx, tx, ids)
}

// sendAgain has the closed ones of some batches sent, which the transaction has locked.
func sendAgain(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) > Places { // behind: the scheduler feeds them
		_, err := tx.Exec(ctx, reopenClosed, ids, 0)
		return err
	}
	rows, err := tx.Query(ctx, reopenClosed, ids, 2) // beside those in the queue
	if err != nil {
		return err
	}
	_, err = nudgeAll(ctx, tx, rows)
	return err
}

// resume makes completed ones of some publications, which the transaction has locked, sending again, and returns those.
func resume(ctx context.Context, tx pgx.Tx, publications []int64) ([]happened, error) {
	rows, err := tx.Query(ctx, resumePublications, publications)
	if err != nil {
		return nil, err
	}
	var again []happened
	var h happened
	var from, to publication.State
	_, err = pgx.ForEachRow(rows, []any{&h.id, &from, &to}, func() error {
		if h.what = moved(from, to); from != to {
			again = append(again, h)
		}
		return nil
	})
	return again, err
}

func (h *held) fates(keys []delivery.Key, changed map[delivery.Key]bool) []delivery.Fate {
	list := make([]delivery.Fate, len(keys))
	for i, k := range keys {
		list[i] = h.fate[k] // Unchanged unless said otherwise
		if changed[k] {
			list[i] = delivery.Changed
		}
	}
	return list
}

// columnsOfKeys is keys as the arrays that unnest takes.
func columnsOfKeys(keys []delivery.Key) outcomeColumns {
	return outcomeColumns{
		publication: column(keys, func(k delivery.Key) int64 { return k.Publication }),
		channel:     column(keys, func(k delivery.Key) int16 { return k.Channel }),
		recipient:   column(keys, func(k delivery.Key) int64 { return k.Recipient }),
	}
}

func publicationsOf(keys []delivery.Key) []int64 {
	seen, ids := make(map[int64]bool), []int64{}
	for _, k := range keys {
		if !seen[k.Publication] {
			seen[k.Publication], ids = true, append(ids, k.Publication)
		}
	}
	return ids
}

// idsOf runs a statement that takes ids and returns some of them.
func idsOf(ctx context.Context, tx pgx.Tx, statement string, ids []int64) (map[int64]bool, error) {
	rows, err := tx.Query(ctx, statement, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]bool)
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error { found[id] = true; return nil })
	return found, err
}

// ledgerKeys runs a statement that returns keys of the ledger.
func ledgerKeys(ctx context.Context, tx pgx.Tx, statement string, args ...any) (map[delivery.Key]bool, error) {
	rows, err := tx.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	found := make(map[delivery.Key]bool)
	var k delivery.Key
	_, err = pgx.ForEachRow(rows, []any{&k.Publication, &k.Channel, &k.Recipient}, func() error { found[k] = true; return nil })
	return found, err
}
