package postgres

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
)

// What was held back for readers who get everything together goes out as one message. Whoever releases what is due puts it into
// a digest, and settles the deliveries in the same transaction: they are held, or a digest has them. When nothing is due any
// more the digest becomes a publication, which goes its way as any other.

// wantDigests are those of some readers who get everything together. Who is not active, or suppressed, gets nothing: whoever
// sends says so.
const wantDigests = `
SELECT s.id FROM unnest($1::bigint[]) AS i (id),
       LATERAL (SELECT k.id FROM subscriber k WHERE k.id = i.id AND k.frequency > 0 AND k.status = 'active'
                  AND k.suppression_id IS NULL OFFSET 0) s`

// dueTogether is all else that is due for some readers, but of publication $2, and but for what is not put together.
const dueTogether = `
SELECT h.publication_id, h.channel_id, h.recipient_id, h.due, h.since
FROM unnest($1::bigint[]) AS i (id), LATERAL (SELECT * FROM held k WHERE k.recipient_id = i.id AND k.due <= now() OFFSET 0) h
JOIN publication p ON p.id = h.publication_id
WHERE h.publication_id <> $2 AND p.state = 'sending' AND p.type NOT IN ('digest', 'transactional') AND p.priority <> 'critical'`

// together finds out whose due deliveries go out together, and all that is due for them.
func (d *dueOnes) together(ctx context.Context, tx pgx.Tx, publicationID int64, r rulesNow) error {
	if r.message.Digest || r.message.Urgent || len(d.keys) == 0 {
		return nil
	}
	var err error
	d.gathered, err = idsOf(ctx, tx, wantDigests, column(d.keys, func(k delivery.Key) int64 { return k.Recipient }))
	if err != nil || len(d.gathered) == 0 {
		return err
	}
	rows, err := tx.Query(ctx, dueTogether, slices.Collect(maps.Keys(d.gathered)), publicationID)
	if err != nil {
		return err
	}
	_, err = d.collect(rows)
	return err
}

// digestible are publications that a digest can be made of: what their files are for, and what is no more, only they themselves
// can show.
const digestible = `
SELECT id, coalesce(sender_id, 0), jsonb_array_length(contents), ARRAY(SELECT jsonb_array_elements_text(audience -> 'topics')::integer)
FROM publication WHERE id = ANY($1) AND attachments = '[]' AND jsonb_array_length(contents) > 0
  AND NOT EXISTS (SELECT FROM jsonb_array_elements(contents) AS k (pin)
                  WHERE NOT EXISTS (SELECT FROM content c WHERE c.id = (k.pin ->> 'id')::bigint))`

// part is a publication as a part of digests.
type part struct {
	id     int64
	sender int32
	size   int
	topics []int32
}

func digestParts(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]part, error) {
	rows, err := tx.Query(ctx, digestible, ids)
	if err != nil {
		return nil, err
	}
	parts := make(map[int64]part)
	var p part
	_, err = pgx.ForEachRow(rows, []any{&p.id, &p.sender, &p.size, &p.topics}, func() error {
		p.topics = slices.Clone(p.topics)
		parts[p.id] = p
		return nil
	})
	return parts, err
}

// envelope says which digest something belongs to.
type envelope struct {
	channel int16
	sender  int32
}

// gather puts into digests what of some deliveries belongs there, and returns what is left: that of readers who get each, what comes
// alone, and what comes by a channel that is not wanted. Nothing is done for a reader of whom something is with a worker just now: the next look finds all of it.
func (db *DB) gather(ctx context.Context, tx pgx.Tx, h *held, d *dueOnes, now []delivery.Key) (left []delivery.Key, done []delivery.Key, err error) {
	if len(d.gathered) == 0 {
		return now, nil, nil
	}
	parts, err := digestParts(ctx, tx, publicationsOf(now))
	if err != nil {
		return nil, nil, err
	}
	left, full := sortOut(d, h, now, parts)
	for _, e := range slices.SortedFunc(maps.Keys(full), func(a, b envelope) int {
		return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.sender, b.sender))
	}) {
		taken, err := db.fill(ctx, tx, h, e, full[e], parts)
		if err != nil {
			return nil, nil, err
		}
		done = append(done, taken...)
	}
	return left, done, nil
}

// sortOut tells what goes into which digest from what goes out by itself. One digest goes by one channel, that of the lowest
// number by which anything of it would have come.
func sortOut(d *dueOnes, h *held, now []delivery.Key, parts map[int64]part) (left []delivery.Key, full map[envelope][]delivery.Key) {
	busy := make(map[int64]bool)
	for k, fate := range h.fate {
		busy[k.Recipient] = busy[k.Recipient] || fate == delivery.Busy
	}
	type heap struct {
		reader int64
		sender int32
	}
	heaps := make(map[heap][]delivery.Key)
	for _, k := range now {
		p, fits := parts[k.Publication]
		switch {
		case !d.gathered[k.Recipient], d.unwanted[k]:
			left = append(left, k)
		case busy[k.Recipient]:
		case fits:
			of := heap{k.Recipient, p.sender}
			heaps[of] = append(heaps[of], k)
		default:
			left = append(left, k)
		}
	}
	full = make(map[envelope][]delivery.Key)
	for of, keys := range heaps {
		if len(publicationsOf(keys)) < 2 {
			left = append(left, keys...)
			continue
		}
		e := envelope{slices.Min(column(keys, func(k delivery.Key) int16 { return k.Channel })), of.sender}
		full[e] = append(full[e], keys...)
	}
	return left, full
}

// fillingDigest is the one that is being filled, locked, made if there is none.
const fillingDigest = `
INSERT INTO digest AS d (channel_id, sender_id) VALUES ($1, $2)
ON CONFLICT (channel_id, sender_id) WHERE filling DO UPDATE SET filling = true RETURNING d.id`

// fill puts deliveries into the digest that is being filled, or into a new one if that has no room for all of them. What there
// is no room for even then stays held, for the next one.
func (db *DB) fill(ctx context.Context, tx pgx.Tx, h *held, e envelope, keys []delivery.Key, parts map[int64]part) ([]delivery.Key, error) {
	var id int64
	var firsts map[int64]int
	for fresh := false; firsts == nil; fresh = true {
		if err := tx.QueryRow(ctx, fillingDigest, e.channel, e.sender).Scan(&id); err != nil {
			return nil, err
		}
		var err error
		if firsts, err = addParts(ctx, tx, id, publicationsOf(keys), parts, fresh); err != nil {
			return nil, err
		}
	}
	keys = slices.DeleteFunc(keys, func(k delivery.Key) bool { _, room := firsts[k.Publication]; return !room })
	taken, err := takeHeld(ctx, tx, id, keys, firsts)
	if err != nil || len(taken) == 0 {
		return nil, err
	}
	changed := make(map[delivery.Key]bool, len(taken))
	outcomes := make([]delivery.Outcome, len(taken))
	for i, k := range taken {
		changed[k] = true
		outcomes[i] = delivery.Outcome{Publication: k.Publication, Channel: k.Channel, Recipient: k.Recipient,
			State: delivery.Skipped, Reason: delivery.InDigest}
	}
	if err := recount(ctx, tx, h.batches(changed)); err != nil {
		return nil, err
	}
	return taken, db.announceSettled(ctx, tx, outcomes)
}

// addParts makes publications parts of a digest, the oldest first, and returns from where on the contents of each are. If
// there is no room for all, nothing more is put into this digest: it returns nil, or of a fresh one those there is room for.
func addParts(ctx context.Context, tx pgx.Tx, id int64, publications []int64, parts map[int64]part, fresh bool) (map[int64]int, error) {
	firsts, end, err := filledParts(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	fresh = fresh || len(firsts) == 0
	slices.Sort(publications)
	b := &pgx.Batch{}
	for _, p := range publications {
		if _, known := firsts[p]; known {
			continue
		}
		of := parts[p]
		if end+of.size <= content.MaxGathered {
			b.Queue(`INSERT INTO digest_part (digest_id, publication_id, first, size, topics) VALUES ($1, $2, $3, $4, $5)`, id, p, end, of.size, of.topics)
			firsts[p], end = end, end+of.size
			continue
		}
		const full = `UPDATE digest SET filling = false WHERE id = $1`
		if !fresh {
			_, err := tx.Exec(ctx, full, id)
			return nil, err
		}
		b.Queue(full, id)
		break
	}
	return firsts, tx.SendBatch(ctx, b).Close()
}

// filledParts is from where on the contents of each part of a digest are, and where the last of them end.
func filledParts(ctx context.Context, tx pgx.Tx, id int64) (firsts map[int64]int, end int, err error) {
	rows, err := tx.Query(ctx, `SELECT publication_id, first, size FROM digest_part WHERE digest_id = $1`, id)
	if err != nil {
		return nil, 0, err
	}
	firsts = make(map[int64]int)
	var p int64
	var first, size int
	_, err = pgx.ForEachRow(rows, []any{&p, &first, &size}, func() error {
		firsts[p], end = first, max(end, first+size)
		return nil
	})
	return firsts, end, err
}

// takeRows settles deferred rows whose part is in a digest now. That they were put off, and why, is told beside their attempts.
const takeRows = `
WITH t AS (
    DELETE FROM held h
    USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS i (publication_id, channel_id, recipient_id),
          LATERAL (SELECT k.ctid AS tid FROM held k WHERE k.publication_id = i.publication_id
                     AND k.channel_id = i.channel_id AND k.recipient_id = i.recipient_id OFFSET 0) y
    WHERE h.ctid = y.tid
    RETURNING h.*
), o AS (
    UPDATE delivery d SET state = 9, reason = $6, settled_at = clock_timestamp()
    FROM t, LATERAL (SELECT k.ctid AS tid, k.tableoid AS part FROM delivery k
                     WHERE k.publication_id = t.publication_id AND k.channel_id = t.channel_id
                       AND k.recipient_id = t.recipient_id AND k.state = 1 OFFSET 0) x
    WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.state = 1 AND d.publication_id BETWEEN $4 AND $5
    RETURNING d.publication_id, d.channel_id, d.recipient_id, d.choice, t.reason, t.since
), a AS (
    INSERT INTO delivery_attempt (publication_id, channel_id, recipient_id, attempt, state, reason, at)
    SELECT publication_id, channel_id, recipient_id, 0, 1, reason, since FROM o
)
SELECT publication_id, channel_id, recipient_id, choice FROM o`

// takeHeld moves deliveries into a digest, and returns those that were still held.
func takeHeld(ctx context.Context, tx pgx.Tx, id int64, keys []delivery.Key, firsts map[int64]int) ([]delivery.Key, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	c := columnsOfKeys(keys)
	rows, err := tx.Query(ctx, takeRows, c.publication, c.channel, c.recipient, c.first(), c.last(), int16(delivery.InDigest))
	if err != nil {
		return nil, err
	}
	var taken []delivery.Key
	var items [][]byte
	var k delivery.Key
	var choice []byte
	if _, err := pgx.ForEachRow(rows, []any{&k.Publication, &k.Channel, &k.Recipient, &choice}, func() error {
		shown, err := shownOf(k.Channel, choice, firsts[k.Publication])
		taken, items = append(taken, k), append(items, shown)
		return err
	}); err != nil {
		return nil, err
	}
	c = columnsOfKeys(taken)
	_, err = tx.Exec(ctx, `
		INSERT INTO digest_item (publication_id, channel_id, recipient_id, digest_id, items)
		SELECT i.publication_id, i.channel_id, i.recipient_id, $4, i.items
		FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $5::bytea[]) AS i (publication_id, channel_id, recipient_id, items)`,
		c.publication, c.channel, c.recipient, id, items)
	return taken, err
}

// shownOf are the contents of a digest that a delivery brings: those that it would have shown itself.
func shownOf(channelID int16, choice []byte, first int) ([]byte, error) {
	kind, err := channel.KindOf(channelID)
	if err != nil {
		return nil, err
	}
	chosen, err := content.DecodeChoice(choice)
	if err != nil {
		return nil, err
	}
	if len(chosen) == 0 {
		chosen = []int{0}
	}
	chosen = chosen[:min(len(chosen), kind.MaxItems())]
	for i := range chosen {
		chosen[i] += first
	}
	return content.EncodeGathered(chosen)
}

// unsentDigests are those that are no publication yet.
const unsentDigests = `SELECT id FROM digest WHERE publication_id IS NULL ORDER BY id`

// sendDigests makes publications of the digests that were filled, and returns how many. One that is still filled by somebody
// is waited for, so that it goes out with all.
func (db *DB) sendDigests(ctx context.Context) (sent int, err error) {
	rows, err := db.pool.Query(ctx, unsentDigests)
	if err != nil {
		return 0, translate(err, "find digests")
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, translate(err, "find digests")
	}
	for _, id := range ids {
		var mine bool
		if err := db.tx(ctx, "send a digest", func(tx pgx.Tx) (err error) {
			mine, err = db.sendDigest(ctx, tx, id)
			return err
		}); err != nil {
			return sent, err
		}
		if mine {
			sent++
		}
	}
	return sent, nil
}

// Whoever fills a digest is waited for, and what they put in is seen by a later statement.
const lockDigest = `SELECT channel_id FROM digest WHERE id = $1 AND publication_id IS NULL FOR UPDATE`

// digestToSend is what a digest is as a publication, with the operators' template of its channel $2. Nobody is left in one whose
// readers were all erased.
const digestToSend = `
SELECT nullif(d.sender_id, 0), to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
       (SELECT jsonb_agg(c.pin ORDER BY k.first, c.n) FROM digest_part k JOIN publication p ON p.id = k.publication_id,
               jsonb_array_elements(p.contents) WITH ORDINALITY AS c (pin, n) WHERE k.digest_id = d.id),
       EXISTS (SELECT FROM digest_item WHERE digest_id = d.id), t.id, coalesce(t.version, 0)
FROM digest d CROSS JOIN delivery_policy y LEFT JOIN template t ON t.name = y.digest_template AND t.channel = $2
WHERE d.id = $1`

// sendDigest makes a publication of a digest, and reports whether it did: somebody else may have, or nobody is left.
func (db *DB) sendDigest(ctx context.Context, tx pgx.Tx, id int64) (bool, error) {
	var channelID int16
	err := tx.QueryRow(ctx, lockDigest, id).Scan(&channelID)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s, someone, err := digestOrder(ctx, tx, id, channelID)
	if err != nil {
		return false, err
	}
	if !someone {
		_, err := tx.Exec(ctx, `DELETE FROM digest WHERE id = $1`, id)
		return false, err
	}
	accepted, err := db.storeIn(ctx, tx, s)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE digest SET filling = false, publication_id = (SELECT id FROM publication WHERE uid = $2) WHERE id = $1`, id, accepted.UID)
	return true, err
}

// digestOrder is a digest as a publication, and whether anybody is to get it.
func digestOrder(ctx context.Context, tx pgx.Tx, id int64, channelID int16) (s publication.Submission, someone bool, err error) {
	kind, err := channel.KindOf(channelID)
	if err != nil {
		return s, false, err
	}
	var own *int64
	var pin publication.Pin
	var at string
	if err := tx.QueryRow(ctx, digestToSend, id, string(kind)).Scan(&s.SenderID, &at, &s.ContentPins, &someone, &own, &pin.Version); err != nil {
		return s, false, err
	}
	s.Title, s.Type, s.Priority, s.Encoded = "Digest "+at, publication.Digest, publication.Normal, "{}"
	s.Lane, s.AudienceIDs = publication.LaneOf(publication.Normal, -1), publication.Audience{Digest: id}
	s.Channels, s.TemplatePins = []publication.Channel{{Name: string(kind), ID: channelID, Personal: true}}, map[string]publication.Pin{}
	if own != nil {
		pin.ID = *own
		s.TemplatePins[string(kind)] = pin
	}
	return s, someone, nil
}
