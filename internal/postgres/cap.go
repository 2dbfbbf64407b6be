package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/eligibility"
	"github.com/presswork/presswork/internal/publication"
)

// Caps are decided where rows become owed: when they are made, and when they are due. The ledger says what readers got,
// and reach.go of whom to ask it. A row that is owed counts as sent now, so whoever is owed something is entitled to it. Readers are
// locked while they are counted and their rows are written, so that of two publications that expand at the same moment the second
// sees what the first has decided. Without a cap nothing is locked and nothing read.

const capColumns = `
SELECT coalesce(t.id, 0), coalesce(t.slug, ''), (c.cap ->> 'limit')::integer, (c.cap ->> 'hours')::integer
FROM delivery_policy y, jsonb_array_elements(y.caps) WITH ORDINALITY AS c (cap, n)
LEFT JOIN topic t ON t.id = (c.cap ->> 'topic')::integer
WHERE (c.cap ->> 'topic' = '0' OR t.id IS NOT NULL)`

// readCaps is all of them; those of a topic that is no more are left out.
func readCaps(ctx context.Context, q querier) ([]eligibility.Cap, error) {
	rows, err := q.Query(ctx, capColumns+` ORDER BY c.n`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (eligibility.Cap, error) {
		var c eligibility.Cap
		var hours int
		err := row.Scan(&c.Topic, &c.Slug, &c.Limit, &hours)
		c.Window = time.Duration(hours) * time.Hour
		return c, err
	})
}

// caps are those that hold for a publication, and what else of it matters.
type caps struct {
	list []eligibility.Cap
	now  time.Time
}

// capped is what of a publication matters to caps. Nothing is returned of one that passes them.
const capped = `
SELECT clock_timestamp(), ARRAY(SELECT jsonb_array_elements_text(audience -> 'topics')::integer)
FROM publication WHERE id = $1 AND priority <> 'critical' AND type <> 'transactional'`

func (db *DB) capsOf(ctx context.Context, tx pgx.Tx, publicationID int64) (c caps, err error) {
	if c.list, err = readCaps(ctx, tx); err != nil || len(c.list) == 0 {
		return c, err
	}
	rows, err := tx.Query(ctx, capped, publicationID)
	if err != nil {
		return c, err
	}
	var topics []int32
	var found bool
	if _, err := pgx.ForEachRow(rows, []any{&c.now, &topics}, func() error { found = true; return nil }); err != nil {
		return c, err
	}
	c.list = slices.DeleteFunc(c.list, func(one eligibility.Cap) bool { return !found || !one.Covers(topics) })
	return c, nil
}

// window is the longest.
func (c caps) window() time.Duration {
	var longest time.Duration
	for _, one := range c.list {
		longest = max(longest, one.Window)
	}
	return longest
}

// take is when a reader may get one more, and notes it if that is now.
func (g got) take(c caps, reader int64) (until time.Time, now bool) {
	until = c.now
	for i, one := range c.list {
		var times []time.Time
		if of := g[reader]; of != nil {
			times = of[i]
		}
		if at := one.Until(times, c.now); at.After(until) {
			until = at
		}
	}
	if until.After(c.now) {
		return until, false
	}
	if g[reader] == nil {
		g[reader] = make([][]time.Time, len(c.list))
	}
	for i := range c.list { // all of them hold for the publication
		g[reader][i] = append(g[reader][i], c.now)
	}
	return until, true
}

// readPage is what the readers of a page got.
func (c caps) readPage(ctx context.Context, tx pgx.Tx, page *publication.Page) (got, error) {
	if len(c.list) == 0 || len(page.Readers) == 0 {
		return got{}, nil
	}
	return c.readGot(ctx, tx, column(page.Readers, func(r publication.Reader) int64 { return r.ID }))
}

// pass reports whether everybody may get a message on every channel.
func (c caps) pass(g got) bool {
	kinds := len(personalKinds())
	return len(g) == 0 && !slices.ContainsFunc(c.list, func(one eligibility.Cap) bool { return one.Limit < kinds })
}

// capPage holds those readers of a page back who got as many as they may, on one channel. What it decides counts for the next
// channel; what its reader does not want does not, since nobody sends it. It returns the page as it is to be written.
func (c caps) capPage(g got, page *publication.Page, channelID int16) *publication.Page {
	if c.pass(g) {
		return page
	}
	held := *page
	held.Readers = slices.Clone(page.Readers)
	for i := range held.Readers {
		r := &held.Readers[i]
		if r.HeldFor != 0 || slices.Contains(r.Off, channelID) {
			continue
		}
		if until, now := g.take(c, r.ID); !now {
			r.HeldFor, r.HeldUntil = int16(delivery.FrequencyCap), until
		}
	}
	return &held
}

// capDue puts those off anew, of who is due and could be sent to now, who got as many as they may. What is unwanted counts for
// nothing.
func (c caps) capDue(
	ctx context.Context, tx pgx.Tx, keys []delivery.Key, unwanted map[delivery.Key]bool,
) (now []delivery.Key, later []delivery.Outcome, err error) {
	if len(c.list) == 0 || len(keys) == 0 {
		return keys, nil, nil
	}
	ids := column(keys, func(k delivery.Key) int64 { return k.Recipient })
	slices.Sort(ids)
	g, err := c.readGot(ctx, tx, slices.Compact(ids))
	if err != nil {
		return nil, nil, err
	}
	for _, k := range keys {
		until, may := c.now, true
		if !unwanted[k] {
			until, may = g.take(c, k.Recipient)
		}
		if may {
			now = append(now, k)
		} else {
			later = append(later, delivery.Outcome{Publication: k.Publication, Channel: k.Channel, Recipient: k.Recipient,
				State: delivery.Deferred, Reason: delivery.FrequencyCap, Until: until})
		}
	}
	return now, later, nil
}
