package postgres

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
)

// Who is put off has a row in held beside that of the ledger, with the time at which the scheduler looks again. As wherever
// rows become owed again (reopen.go), their batches are locked first, in the order batch, row; and a batch that is with a
// worker is left alone, for some seconds.

const insertHeldRows = `
INSERT INTO held (publication_id, channel_id, recipient_id, reason, due)
SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::smallint[], $5::timestamptz[])
ON CONFLICT (publication_id, channel_id, recipient_id) DO UPDATE SET reason = excluded.reason, due = excluded.due`

// insertHeld notes until when deferred recipients are put off.
func insertHeld(ctx context.Context, tx pgx.Tx, deferred []delivery.Outcome) error {
	if len(deferred) == 0 {
		return nil
	}
	c := outcomesOf(deferred)
	_, err := tx.Exec(ctx, insertHeldRows, c.publication, c.channel, c.recipient, c.reason,
		column(deferred, func(o delivery.Outcome) time.Time { return o.Until }))
	return err
}

// expandHeld notes those readers of a page who are held back, and tells of them.
func (db *DB) expandHeld(ctx context.Context, tx pgx.Tx, page *publication.Page, channelID int16) error {
	var deferred []delivery.Outcome
	for _, r := range page.Readers {
		if r.HeldFor != 0 {
			deferred = append(deferred, delivery.Outcome{Publication: page.Publication.ID, Channel: channelID, Recipient: r.ID,
				State: delivery.Deferred, Reason: delivery.Reason(r.HeldFor), Until: r.HeldUntil})
		}
	}
	if err := insertHeld(ctx, tx, deferred); err != nil {
		return err
	}
	return db.announceSettled(ctx, tx, deferred)
}

// heldPage bounds how many deliveries one transaction looks at again.
const heldPage = 2000

// duePublications finds the publications that something is due of, urgent lanes first. What is paused waits.
const duePublications = `
SELECT p.id FROM publication p
WHERE p.state = 'sending' AND EXISTS (SELECT FROM held h WHERE h.publication_id = p.id AND h.due <= now())
ORDER BY p.lane, p.id`

// ReleaseDue looks at the deliveries again whose time has come: who may be sent to now is owed again, with the batch, and who
// may not is put off anew. What goes out together is put into digests, and these are sent. It returns how many are owed again, and
// how many digests there are. It may be repeated, by several at once.
func (db *DB) ReleaseDue(ctx context.Context) (released int, err error) {
	if err := db.reconsider(ctx); err != nil {
		return 0, err
	}
	rows, err := db.pool.Query(ctx, duePublications)
	if err != nil {
		return 0, translate(err, "find what is due")
	}
	publications, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, translate(err, "find what is due")
	}
	gathered := make(map[int64]bool)
	for _, id := range publications {
		for next := (duePage{publication: id, after: math.MinInt64}); !next.done; {
			page := next
			if err := db.tx(ctx, "look at deferred deliveries again", func(tx pgx.Tx) error {
				next = page
				return db.releasePage(ctx, tx, &next)
			}); err != nil {
				return released, err
			}
			released += next.released
			for _, k := range next.gathered {
				gathered[k.Publication] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(gathered)) {
		if err := db.Advance(ctx, id); err != nil {
			return released, err
		}
	}
	digests, err := db.sendDigests(ctx)
	return released + digests, err
}

// duePage is how far the due deliveries of a publication were looked at, by time and recipient.
type duePage struct {
	publication int64
	due         time.Time
	after       int64
	released    int            // by this step
	gathered    []delivery.Key // into digests, by this step
	done        bool
}

// dueLock lets one process at a time look at what is due of a publication.
const dueLock = `SELECT pg_try_advisory_xact_lock(hashtextextended('due of ' || $1::bigint, 0))`

// dueHeld is a page of what is due. now() is when the transaction began: what becomes due meanwhile is for the next look.
const dueHeld = `
SELECT publication_id, channel_id, recipient_id, due, since FROM held
WHERE publication_id = $1 AND due <= now() AND (due, recipient_id) > ($2, $3)
ORDER BY due, recipient_id LIMIT $4`

// dueOnes are deliveries that are looked at again, since when each is held, and until when it was.
type dueOnes struct {
	keys       []delivery.Key
	since, due map[delivery.Key]time.Time
	// gathered are the readers who get everything together, and unwanted the deliveries by channels that their readers do not want:
	// those go into no digest, which would go the same way.
	gathered map[int64]bool
	unwanted map[delivery.Key]bool
}

// collect adds rows of publication, channel, recipient, due and since, and returns the last.
func (d *dueOnes) collect(rows pgx.Rows) (k delivery.Key, err error) {
	var due, since time.Time
	_, err = pgx.ForEachRow(rows, []any{&k.Publication, &k.Channel, &k.Recipient, &due, &since}, func() error {
		d.keys, d.due[k], d.since[k] = append(d.keys, k), due, since
		return nil
	})
	return k, err
}

// releasePage looks at a page of what is due. Deliveries of one recipient that are due at the same moment, on two channels,
// may be cut apart: the next look finds them. Of readers who get everything together it looks at all that is due.
func (db *DB) releasePage(ctx context.Context, tx pgx.Tx, p *duePage) error {
	p.released, p.gathered, p.done = 0, nil, true
	var mine bool
	if err := tx.QueryRow(ctx, dueLock, p.publication).Scan(&mine); err != nil || !mine {
		return err
	}
	d, err := p.read(ctx, tx)
	if err != nil || len(d.keys) == 0 {
		return err
	}
	rules, err := rulesOfAll(ctx, tx, []int64{p.publication})
	if err != nil {
		return err
	}
	if err := d.together(ctx, tx, p.publication, rules[p.publication]); err != nil {
		return err
	}
	if rules, err = rulesOfAll(ctx, tx, publicationsOf(d.keys)); err != nil {
		return err
	}
	h, err := hold(ctx, tx, d.keys, func(delivery.Key) bool { return true })
	if err != nil {
		return err
	}
	now, later, err := db.decideDue(ctx, tx, rules, h.free, d)
	if err != nil {
		return err
	}
	if now, p.gathered, err = db.gather(ctx, tx, h, d, now); err != nil {
		return err
	}
	for _, id := range publicationsOf(d.keys) {
		n, err := db.releaseOf(ctx, tx, h, d, id, now, later)
		if err != nil {
			return err
		}
		p.released += n
	}
	return nil
}

// releaseOf makes owed what may be sent of a publication now, but for what a cap holds back, and puts the rest off anew.
func (db *DB) releaseOf(
	ctx context.Context, tx pgx.Tx, h *held, d *dueOnes, id int64, now []delivery.Key, later []delivery.Outcome,
) (int, error) {
	now = slices.DeleteFunc(slices.Clone(now), func(k delivery.Key) bool { return k.Publication != id })
	later = slices.DeleteFunc(slices.Clone(later), func(o delivery.Outcome) bool { return o.Publication != id })
	c, err := db.capsOf(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	now, more, err := c.capDue(ctx, tx, now, d.unwanted)
	if err != nil {
		return 0, err
	}
	later = append(later, more...)
	if err := putOffAgain(ctx, tx, later, d.due); err != nil {
		return 0, err
	}
	if err := db.announceSettled(ctx, tx, later); err != nil {
		return 0, err
	}
	return release(ctx, tx, h, now)
}

// read is the next page.
func (p *duePage) read(ctx context.Context, tx pgx.Tx) (*dueOnes, error) {
	rows, err := tx.Query(ctx, dueHeld, p.publication, p.due, p.after, heldPage)
	if err != nil {
		return nil, err
	}
	d := &dueOnes{since: make(map[delivery.Key]time.Time), due: make(map[delivery.Key]time.Time), unwanted: make(map[delivery.Key]bool)}
	last, err := d.collect(rows)
	p.done, p.due, p.after = len(d.keys) < heldPage, d.due[last], last.Recipient
	return d, err
}

// dueReaders are those to decide about. Nobody waits for who is not active any more, or suppressed, or gone: whoever sends sees
// that and says so.
const dueReaders = `
SELECT s.id IS NOT NULL, coalesce(s.timezone, ''),` + chosenColumns + `
FROM unnest($1::bigint[]) WITH ORDINALITY AS i (id, n)
LEFT JOIN LATERAL (SELECT * FROM subscriber k WHERE k.id = i.id AND k.status = 'active' AND k.suppression_id IS NULL OFFSET 0) s ON true
ORDER BY i.n`

// rulesOfAll is what holds now for some publications.
func rulesOfAll(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]rulesNow, error) {
	rules := make(map[int64]rulesNow, len(ids))
	for _, id := range ids {
		var r rulesNow
		if err := r.scan(tx.QueryRow(ctx, rulesOf, id)); err != nil {
			return nil, err
		}
		rules[id] = r
	}
	return rules, nil
}

// decideDue tells those who may be sent to now from those who may not. Who does not want the channel is among the former: whoever
// sends says so.
func (db *DB) decideDue(
	ctx context.Context, tx pgx.Tx, rules map[int64]rulesNow, keys []delivery.Key, d *dueOnes,
) (now []delivery.Key, later []delivery.Outcome, err error) {
	rows, err := tx.Query(ctx, dueReaders, column(keys, func(k delivery.Key) int64 { return k.Recipient }))
	if err != nil {
		return nil, nil, err
	}
	var active bool
	var zone string
	var c chosen
	n := 0
	_, err = pgx.ForEachRow(rows, append([]any{&active, &zone}, c.targets()...), func() error {
		k := keys[n]
		n++
		r, reader := rules[k.Publication], c.reader(zone)
		reader.Since, r.message.Channel = d.since[k], k.Channel
		v := r.policy.Decide(&db.zones, r.message, reader, r.now)
		d.unwanted[k] = v.Reason == eligibility.ChannelOff
		if active && v.Held() {
			later = append(later, delivery.Outcome{Publication: k.Publication, Channel: k.Channel, Recipient: k.Recipient,
				State: delivery.Deferred, Reason: reasonOf(v.Reason), Until: v.Until})
		} else {
			now = append(now, k)
		}
		return nil
	})
	return now, later, err
}

// putOffAgain changes why rows are put off, and until when. What was released by somebody else meanwhile is left alone, and so is what
// is not due any more when it was: it is to be looked at again, by what its reader chose meanwhile (ReleaseHeld).
func putOffAgain(ctx context.Context, tx pgx.Tx, later []delivery.Outcome, due map[delivery.Key]time.Time) error {
	if len(later) == 0 {
		return nil
	}
	c := outcomesOf(later)
	was := column(later, func(o delivery.Outcome) time.Time {
		return due[delivery.Key{Publication: o.Publication, Channel: o.Channel, Recipient: o.Recipient}]
	})
	_, err := tx.Exec(ctx, `
		WITH t AS (
			UPDATE held h SET reason = i.reason, due = i.due
			FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::smallint[], $5::timestamptz[], $7::timestamptz[])
			         AS i (publication_id, channel_id, recipient_id, reason, due, was),
			     LATERAL (SELECT k.ctid AS tid FROM held k WHERE k.publication_id = i.publication_id
			                AND k.channel_id = i.channel_id AND k.recipient_id = i.recipient_id OFFSET 0) y
			WHERE h.ctid = y.tid AND h.due = i.was
			RETURNING h.publication_id, h.channel_id, h.recipient_id, h.reason
		)
		UPDATE delivery d SET reason = x.reason
		FROM t, LATERAL (SELECT k.ctid AS tid, k.tableoid AS part, t.reason FROM delivery k
		                 WHERE k.publication_id = t.publication_id AND k.channel_id = t.channel_id
		                   AND k.recipient_id = t.recipient_id AND k.state = 1 OFFSET 0) x
		WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.state = 1 AND d.publication_id = $6`,
		c.publication, c.channel, c.recipient, c.reason,
		column(later, func(o delivery.Outcome) time.Time { return o.Until }), c.first(), was)
	return err
}

// releaseRows makes deferred rows owed. That they were put off, and why, is told beside their attempts.
const releaseRows = `
WITH t AS (
    DELETE FROM held h
    USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS i (publication_id, channel_id, recipient_id),
          LATERAL (SELECT k.ctid AS tid FROM held k WHERE k.publication_id = i.publication_id
                     AND k.channel_id = i.channel_id AND k.recipient_id = i.recipient_id OFFSET 0) y
    WHERE h.ctid = y.tid
    RETURNING h.*
), o AS (
    UPDATE delivery d SET state = 0, reason = 0
    FROM t, LATERAL (SELECT k.ctid AS tid, k.tableoid AS part FROM delivery k
                     WHERE k.publication_id = t.publication_id AND k.channel_id = t.channel_id
                       AND k.recipient_id = t.recipient_id AND k.state = 1 OFFSET 0) x
    WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.state = 1 AND d.publication_id = $4
    RETURNING d.publication_id, d.channel_id, d.recipient_id, t.reason, t.since
), a AS (
    INSERT INTO delivery_attempt (publication_id, channel_id, recipient_id, attempt, state, reason, at)
    SELECT publication_id, channel_id, recipient_id, 0, 1, reason, since FROM o
)
SELECT publication_id, channel_id, recipient_id FROM o`

// release makes rows owed whose batches are held, and has those sent.
func release(ctx context.Context, tx pgx.Tx, h *held, keys []delivery.Key) (int, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	c := columnsOfKeys(keys)
	changed, err := ledgerKeys(ctx, tx, releaseRows, c.publication, c.channel, c.recipient, c.first())
	if err != nil || len(changed) == 0 {
		return 0, err
	}
	ids := h.batches(changed)
	if err := recount(ctx, tx, ids); err != nil {
		return 0, err
	}
	return len(changed), sendAgain(ctx, tx, ids)
}

// ReleaseHeld has all deferred deliveries to some readers looked at again at once, instead of when they are due: what they chose was changed,
// or they are no readers any more. Those that are due already are changed, too: somebody may be putting them off by what was chosen
// before.
func ReleaseHeld(ctx context.Context, tx pgx.Tx, subscribers ...int64) error {
	_, err := tx.Exec(ctx, `UPDATE held SET due = now() WHERE recipient_id = ANY($1)`, subscribers)
	return err
}
