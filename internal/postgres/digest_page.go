package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// A digest is expanded and sent as any publication. Its readers are those for whom something was held back, whatever they are
// now: whoever sends says of each who is not sent to why. What each of them gets was decided when it was put in. Who was removed
// does not count for a page: one that is not full is the last of its range.

const digestReaders = `
SELECT s.id, s.language, s.timezone,` + chosenColumns + `
FROM (SELECT DISTINCT recipient_id AS id FROM digest_item WHERE digest_id = $1 AND recipient_id > $2 AND recipient_id <= $3
      ORDER BY 1) i,
     LATERAL (SELECT * FROM subscriber k WHERE k.id = i.id OFFSET 0) s
ORDER BY i.id LIMIT $4`

// gatheredItems are what readers get, by topic: what was for everybody comes first.
const gatheredItems = `
SELECT i.recipient_id, i.items
FROM digest_item i JOIN digest_part k USING (digest_id, publication_id) LEFT JOIN topic t ON t.id = k.topics[1]
WHERE i.digest_id = $1 AND i.recipient_id >= $2 AND i.recipient_id <= $3
ORDER BY i.recipient_id, coalesce(t.name, ''), k.first, i.channel_id`

// readDigestPage reads the next page of a digest's readers, with what each of them gets: two statements, however many they are.
func (db *DB) readDigestPage(ctx context.Context, page *publication.Page, r rulesNow) error {
	digest := page.Publication.Audience.Digest
	rows, err := db.pool.Query(ctx, digestReaders, digest, page.Cursor, page.Hi, publication.PageSize)
	if err != nil {
		return translate(err, "read a page of a digest")
	}
	page.Readers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (publication.Reader, error) {
		var reader publication.Reader
		var zone string
		var c chosen
		err := row.Scan(append([]any{&reader.ID, &reader.Language, &zone}, c.targets()...)...)
		db.holdReader(&reader, r, c.reader(zone))
		return reader, err
	})
	if err != nil || len(page.Readers) == 0 {
		return translate(err, "read a page of a digest")
	}
	of := make(map[int64][]byte, len(page.Readers))
	rows, err = db.pool.Query(ctx, gatheredItems, digest, page.Readers[0].ID, page.Readers[len(page.Readers)-1].ID)
	if err != nil {
		return translate(err, "read what is in a digest")
	}
	var id int64
	var items []byte
	if _, err := pgx.ForEachRow(rows, []any{&id, &items}, func() error {
		for _, item := range items {
			if !slices.Contains(of[id], item) { // what came by two channels comes once
				of[id] = append(of[id], item)
			}
		}
		return nil
	}); err != nil {
		return translate(err, "read what is in a digest")
	}
	for i := range page.Readers {
		page.Readers[i].Gathered = of[page.Readers[i].ID]
	}
	return nil
}

// countDigest counts a digest's readers, up to a limit.
func (db *DB) countDigest(ctx context.Context, id int64, limit int) (n int, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT count(*) FROM (SELECT DISTINCT recipient_id FROM digest_item WHERE digest_id = $1 LIMIT $2) x`, id, limit).Scan(&n)
	return n, translate(err, "count the readers of a digest")
}

// DigestParts are the publications that a digest is made of, in the order of its contents.
func (db *DB) DigestParts(ctx context.Context, id int64) ([]publication.DigestPart, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT k.first, k.size, coalesce(t.name, ''), CASE WHEN $2 = ANY(p.channels) THEN p.uid END
		FROM digest_part k JOIN publication p ON p.id = k.publication_id LEFT JOIN topic t ON t.id = k.topics[1]
		WHERE k.digest_id = $1 ORDER BY k.first`, id, channel.Newsletter.ID())
	if err != nil {
		return nil, translate(err, "read the parts of a digest")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (publication.DigestPart, error) {
		var p publication.DigestPart
		var page *ident.UID
		err := row.Scan(&p.First, &p.Size, &p.Topic, &page)
		if page != nil {
			p.Page = *page
		}
		return p, err
	})
	return list, translate(err, "read the parts of a digest")
}

// partsNow are the parts of a digest, and whether each was cancelled meanwhile.
const partsNow = `
SELECT k.first, k.size, k.topics, p.state IN ('cancelling', 'cancelled')
FROM digest_part k JOIN publication p ON p.id = k.publication_id WHERE k.digest_id = $1`

// dropLeft takes out of what a batch of a digest owes what its readers are not to get any more: of topics that they have left
// all of, and of publications that were cancelled. Whoever is left with nothing is not sent to.
func (db *DB) dropLeft(ctx context.Context, digest int64, owed []owedRow) error {
	rows, err := db.pool.Query(ctx, partsNow, digest)
	if err != nil {
		return err
	}
	var of [1 << 8]struct { // by what a byte may be
		topics    []int32
		cancelled bool
	}
	var first, size int
	var topics []int32
	var cancelled bool
	if _, err := pgx.ForEachRow(rows, []any{&first, &size, &topics, &cancelled}, func() error {
		for i := first; i < first+size; i++ {
			of[i].topics, of[i].cancelled = slices.Clone(topics), cancelled
		}
		return nil
	}); err != nil {
		return err
	}
	for n := range owed {
		o := &owed[n]
		why := delivery.CancelledByUser
		choice := slices.DeleteFunc(o.Choice, func(item byte) bool {
			part := of[item]
			left := len(part.topics) > 0 && !slices.ContainsFunc(part.topics, func(id int32) bool { return slices.Contains(o.topics, id) })
			if left {
				why = delivery.TopicLeft
			}
			return left || part.cancelled
		})
		if o.Choice = choice; len(choice) == 0 && o.Skip == delivery.NoReason {
			o.Skip = why
		}
	}
	return nil
}
