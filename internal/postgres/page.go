package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

const readPage = `
SELECT s.id, s.language, s.topics, s.timezone,` + chosenColumns + ` FROM subscriber s
WHERE s.id > $4 AND s.id <= $5 AND` + audienceFilter

const pageEnd = `
ORDER BY s.id LIMIT $6`

// ruledPage is how many ids a page of an audience by rule looks at: whoever is looking for a few in a million gives way, and
// moves the range on, now and then.
const ruledPage = 100_000

// ReadPage reads the next page of a range. It returns nil if there is none: a stale nudge, a finished range, a
// publication that is not sending.
func (db *DB) ReadPage(ctx context.Context, rangeID int64, gen int) (*publication.Page, error) {
	page, err := db.rangePage(ctx, rangeID, gen)
	if page == nil || err != nil {
		return nil, err
	}
	var r rulesNow
	if err := r.scan(db.pool.QueryRow(ctx, rulesOf, page.Publication.ID)); err != nil {
		return nil, translate(err, "read what is said of when to send")
	}
	if page.Publication.Gathered() {
		return page, db.readDigestPage(ctx, page, r)
	}
	s, err := db.pageOf(ctx, page)
	if err != nil {
		return nil, translate(err, "read a page of the audience")
	}
	rows, err := s.query(ctx, db.pool)
	if err != nil {
		return nil, translate(err, "read a page of the audience")
	}
	var topics [][]int32
	page.Readers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (publication.Reader, error) {
		var reader publication.Reader
		var ids []int32
		var zone string
		var c chosen
		err := row.Scan(append([]any{&reader.ID, &reader.Language, &ids, &zone}, c.targets()...)...)
		topics = append(topics, ids)
		db.holdReader(&reader, r, c.reader(zone))
		return reader, err
	})
	if err != nil {
		return nil, translate(err, "read a page of the audience")
	}
	for i := range page.Readers {
		if page.Readers[i].Topics, err = db.topicSlugs(ctx, topics[i]); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// rangePage is the page that comes next in a range, with its publication and without its readers, or nil.
func (db *DB) rangePage(ctx context.Context, rangeID int64, gen int) (*publication.Page, error) {
	page := publication.Page{Range: rangeID, Gen: gen}
	var publicationID int64
	err := db.pool.QueryRow(ctx, `
		SELECT publication_id, cursor, hi FROM fanout_range WHERE id = $1 AND gen = $2 AND NOT done`, rangeID, gen,
	).Scan(&publicationID, &page.Cursor, &page.Hi)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // the contract: no page is no error
	}
	if err != nil {
		return nil, translate(err, "read a fan-out range")
	}
	page.Publication, err = scanPublication(db.pool.QueryRow(ctx,
		`SELECT `+publicationColumns+` FROM publication WHERE id = $1 AND state = 'sending'`, publicationID))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, translate(err, "read the publication of a fan-out range")
	}
	return &page, nil
}

// holdReader holds a reader of a page back who may not be sent to now. Whether they want the channel is for its sender to see.
func (db *DB) holdReader(reader *publication.Reader, r rulesNow, of eligibility.Reader) {
	reader.Off = of.ChannelsOff
	if v := r.policy.Decide(&db.zones, r.message, of, r.now); v.Held() {
		reader.HeldFor, reader.HeldUntil = int16(reasonOf(v.Reason)), v.Until
	}
}

// pageOf is the statement that reads a page, which ends earlier than its range if it is of an audience by rule or of a snapshot.
func (db *DB) pageOf(ctx context.Context, page *publication.Page) (statement, error) {
	a := page.Publication.Audience
	if a.ByRule() {
		page.Hi = min(page.Hi, page.Cursor+ruledPage)
	}
	var members []int64
	if a.Snapshot != nil {
		var err error
		if members, err = membersBetween(ctx, db.pool, a.Snapshot.ID, page.Cursor, page.Hi, publication.PageSize); err != nil {
			return statement{}, err
		}
		if len(members) == publication.PageSize {
			page.Hi = members[len(members)-1]
		}
	}
	// Rules that go by time go by that of the beginning, for all pages.
	began := time.Now()
	if page.Publication.StartedAt != nil {
		began = *page.Publication.StartedAt
	}
	p, err := db.ruled(ctx, readPage, a, began, page.Cursor, page.Hi, publication.PageSize)
	if err != nil {
		return statement{}, err
	}
	if a.Snapshot != nil {
		p.add(` AND s.id = ANY($1::bigint[])`, members)
	}
	return p.end(pageEnd), nil
}

// advanceRange lets one worker expand a page: a second one finds the cursor moved.
const advanceRange = `
UPDATE fanout_range SET cursor = $3, done = $3 >= hi, gen = gen + 1, crashes = 0, nudged_at = clock_timestamp()
WHERE id = $1 AND cursor = $2 AND gen = $4 AND NOT done
  AND EXISTS (SELECT FROM publication WHERE id = $5 AND state = 'sending' FOR SHARE)
RETURNING done, gen`

// errStalePage rolls a page back that somebody else expanded.
var errStalePage = errors.New("the page was expanded by another worker")

// ExpandPage writes a page's ledger rows, batches and nudges, and moves the range on, in one transaction. It
// returns nil if another worker did it, or if the publication stopped. choices[i] is what was chosen for reader
// i, nil for no choice; inline leaves the next page without a nudge.
func (db *DB) ExpandPage(ctx context.Context, page *publication.Page, channels []int16, choices [][]byte, inline bool) (*publication.Expanded, error) {
	var e publication.Expanded
	err := db.tx(ctx, "expand a page", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, advanceRange, page.Range, page.Cursor, page.Last(), page.Gen, page.Publication.ID).
			Scan(&e.Done, &e.Gen)
		if errors.Is(err, pgx.ErrNoRows) {
			return errStalePage
		}
		if err != nil {
			return err
		}
		c, err := db.capsOf(ctx, tx, page.Publication.ID)
		if err != nil {
			return err
		}
		g, err := c.readPage(ctx, tx, page)
		if err != nil {
			return err
		}
		if err := noteReach(ctx, tx, page, len(channels)); err != nil {
			return err
		}
		for _, channelID := range channels {
			if err := db.expandChannel(ctx, tx, c.capPage(g, page, channelID), channelID, choices, inline); err != nil {
				return err
			}
		}
		if e.Done || inline {
			return nil
		}
		next, err := tasks.New(tasks.NewPersonalize(page.Range, e.Gen), page.Publication.Lane)
		if err != nil {
			return err
		}
		return enqueueLater(ctx, tx, []tasks.Task{next})
	})
	if errors.Is(err, errStalePage) {
		return nil, nil //nolint:nilnil // the contract
	}
	if err != nil || !e.Done {
		return &e, err
	}
	return &e, db.fanoutDone(ctx, page.Publication.ID)
}

// expandChannel writes the rows and batches of one channel, batchSize recipients to a batch, and nudges as many as find a
// place. Who is held back has a row as well, and is of a batch. The key absorbs a second time. A page that is alone, of an
// audience of a few hundred, needs nobody counted.
func (db *DB) expandChannel(ctx context.Context, tx pgx.Tx, page *publication.Page, channelID int16, choices [][]byte, alone bool) error {
	if len(page.Readers) == 0 {
		return nil
	}
	ids := column(page.Readers, func(r publication.Reader) int64 { return r.ID })
	reasons := column(page.Readers, func(r publication.Reader) int16 { return r.HeldFor })
	if _, err := tx.Exec(ctx, `
		INSERT INTO delivery (publication_id, channel_id, recipient_id, choice, reason, state)
		SELECT $1, $2, i.id, i.choice, i.reason, CASE WHEN i.reason = 0 THEN 0 ELSE 1 END
		FROM unnest($3::bigint[], $4::bytea[], $5::smallint[]) AS i (id, choice, reason)
		ON CONFLICT DO NOTHING`, page.Publication.ID, channelID, ids, choices, reasons); err != nil {
		return err
	}
	if err := db.expandHeld(ctx, tx, page, channelID); err != nil {
		return err
	}
	free := Places
	if !alone {
		var err error
		if free, err = places(ctx, tx, page.Publication.ID, channelID); err != nil {
			return err
		}
	}
	b := cutBatches(page, db.batchSize, free)
	rows, err := tx.Query(ctx, insertBatches, page.Publication.ID, channelID, page.Publication.Lane, b.los, b.his, b.sizes, b.deferred, b.places)
	if err != nil {
		return err
	}
	_, err = nudgeAll(ctx, tx, rows)
	return err
}

// batchColumns are new batches as the arrays that unnest takes.
type batchColumns struct {
	los, his                []int64
	sizes, deferred, places []int
}

// cutBatches cuts a page into batches. The first that owe somebody something now have a place, of those that are free.
func cutBatches(page *publication.Page, size, free int) (b batchColumns) {
	for lo, from := page.Cursor, 0; from < len(page.Readers); from += size {
		part := page.Readers[from:min(from+size, len(page.Readers))]
		deferred, place := 0, 0
		for _, r := range part {
			if r.HeldFor != 0 {
				deferred++
			}
		}
		if deferred < len(part) && free > 0 {
			free--
			place = 1
		}
		hi := part[len(part)-1].ID
		b.los, b.his, b.sizes = append(b.los, lo), append(b.his, hi), append(b.sizes, len(part))
		b.deferred, b.places = append(b.deferred, deferred), append(b.places, place)
		lo = hi
	}
	return b
}

// insertBatches makes batches, and nudges those that get a place. One that owes nobody anything now is done.
const insertBatches = `
WITH made AS (
    INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, n_deferred, place, state)
    SELECT $1, $2, $3, i.lo, i.hi, i.size, i.deferred, i.place, CASE WHEN i.deferred < i.size THEN 'ready' ELSE 'done' END
    FROM unnest($4::bigint[], $5::bigint[], $6::integer[], $7::integer[], $8::smallint[]) AS i (lo, hi, size, deferred, place)
    RETURNING id, channel_id, lane, gen, not_before, place
)
SELECT id, channel_id, lane, gen, not_before, NULL::text FROM made WHERE place = 1 ORDER BY id`

// endFanouts notes which fan-outs have no range left.
const endFanouts = `
UPDATE publication p SET fanout_done = true
WHERE p.state IN ('sending', 'pausing') AND NOT p.fanout_done
  AND NOT EXISTS (SELECT FROM fanout_range WHERE publication_id = p.id AND NOT done)`

// fanoutDone notes that no range is open, in a transaction after the one that closed the last, and completes the
// publication if everything was sent meanwhile.
func (db *DB) fanoutDone(ctx context.Context, id int64) error {
	if _, err := db.pool.Exec(ctx, endFanouts+ofOne, id); err != nil {
		return translate(err, "end a fan-out")
	}
	return db.Advance(ctx, id)
}
