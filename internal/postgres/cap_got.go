package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/eligibility"
)

// What readers got lately, for caps: of most only that it is not too much.

// capLocks is the class of the advisory locks of readers. There is one for each 4,096 ids that follow each other, so that the ranges
// of an audience, which expand at once, seldom want the same; and 128 in all, since the server's table of locks has room for some
// thousands, and readers of one page may be far apart.
const capLocks = 0x50574350

const lockReaders = `
SELECT pg_advisory_xact_lock($1, block)
FROM (SELECT DISTINCT ((id >> 12) & 127)::integer AS block FROM unnest($2::bigint[]) AS id ORDER BY 1) b`

// recentOnes are the publications of which somebody may have got something within a time, but those that pass caps.
const recentOnes = `
SELECT id, ARRAY(SELECT jsonb_array_elements_text(audience -> 'topics')::integer), completed_at FROM publication
WHERE started_at IS NOT NULL AND coalesce(completed_at, timestamptz 'infinity') > now() - $1::interval
  AND priority <> 'critical' AND type <> 'transactional'`

// recent is one of them: what it is about, and when the last of it was settled, nil while it is being sent.
type recent struct {
	id        int64
	topics    []int32
	completed *time.Time
}

func (c caps) recent(ctx context.Context, q querier) ([]recent, error) {
	rows, err := q.Query(ctx, recentOnes, c.window())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r recent, err error) { return r, row.Scan(&r.id, &r.topics, &r.completed) })
}

const (
	// What readers ($3) got of publications ($1) on channels ($2) within a time ($4). inRange looks through a range of readers,
	// forEach looks each of them up: for readers that are far apart.
	inRange = `
FROM unnest($1::bigint[]) AS p (id), unnest($2::smallint[]) AS k (id),
     LATERAL (SELECT * FROM delivery l WHERE l.publication_id = p.id AND l.channel_id = k.id
                AND l.recipient_id >= ($3::bigint[])[1] AND l.recipient_id <= ($3::bigint[])[cardinality($3::bigint[])] OFFSET 0) d` + counts
	forEach = `
FROM unnest($1::bigint[]) AS p (id), unnest($2::smallint[]) AS k (id), unnest($3::bigint[]) AS r (id),
     LATERAL (SELECT * FROM delivery l WHERE l.publication_id = p.id AND l.channel_id = k.id AND l.recipient_id = r.id OFFSET 0) d` + counts

	// What counts is owed, sent, delivered, complained about or uncertain: what failed, or was returned, did not reach anybody.
	counts = `
WHERE d.state IN (0, 2, 3, 5, 7) AND (d.state = 0 OR d.settled_at > now() - $4::interval)`

	// Who got more than so many ($5), and what each got.
	whoGot  = `SELECT d.recipient_id`
	more    = ` GROUP BY d.recipient_id HAVING count(*) > $5::integer`
	whatGot = `SELECT d.publication_id, d.recipient_id, CASE WHEN d.state > 0 THEN d.settled_at END`

	// farApart is from how many ids a reader on a look-up for each is less work than looking through the range.
	farApart = 16
)

// scattered reports whether readers, in the order of their ids, are rather looked up one by one.
func scattered(ids []int64) bool { return ids[len(ids)-1]-ids[0] > int64(farApart*len(ids)) }

// got is when readers got what a cap covers, by reader, one list for each cap. Who is not in it is far from every cap.
type got map[int64][][]time.Time

// readGot locks readers, in the order of their ids, and reads what those got who may not get a message on every channel. Until the
// transaction ends nobody else decides about them.
func (c caps) readGot(ctx context.Context, tx pgx.Tx, ids []int64) (got, error) {
	if _, err := tx.Exec(ctx, lockReaders, capLocks, ids); err != nil { // what is counted has to be seen after it
		return nil, err
	}
	recent, err := c.recent(ctx, tx)
	if err != nil {
		return nil, err
	}
	if ids, err = c.near(ctx, tx, recent, ids); err != nil || len(ids) == 0 {
		return got{}, err
	}
	topics, publications := make(map[int64][]int32), []int64(nil)
	for _, r := range recent {
		if slices.ContainsFunc(c.list, func(one eligibility.Cap) bool { return one.Covers(r.topics) }) {
			topics[r.id], publications = r.topics, append(publications, r.id)
		}
	}
	statement := whatGot + inRange
	if scattered(ids) {
		statement = whatGot + forEach
	}
	rows, err := tx.Query(ctx, statement, publications, personalKinds(), ids, c.window())
	if err != nil {
		return nil, err
	}
	g := make(got)
	var id, reader int64
	var at *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &reader, &at}, func() error {
		if at == nil {
			at = &c.now
		}
		g.add(c, reader, topics[id], *at)
		return nil
	})
	return g, err
}

// near are those of some readers, in order, who could not get a message more on every channel, by one of the caps at least. They are
// counted where they are: what millions got who are far from any cap is not read. A cap that what was published lately cannot
// reach is not asked about.
func (c caps) near(ctx context.Context, tx pgx.Tx, lately []recent, ids []int64) ([]int64, error) {
	kinds := personalKinds()
	statement := whoGot + inRange + more
	if scattered(ids) {
		statement = whoGot + forEach + more
	}
	var found []int64
	for _, one := range c.list {
		since := c.now.Add(-one.Window)
		var publications []int64
		for _, r := range lately {
			if one.Covers(r.topics) && (r.completed == nil || r.completed.After(since)) {
				publications = append(publications, r.id)
			}
		}
		if len(publications)*len(kinds) <= one.Limit { // that which is decided about is one of them
			continue
		}
		rows, err := tx.Query(ctx, statement, publications, kinds, ids, one.Window, one.Limit-len(kinds))
		if err != nil {
			return nil, err
		}
		who, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return nil, err
		}
		found = append(found, who...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// add notes that a reader got, or is to get, something of some topics.
func (g got) add(c caps, reader int64, topics []int32, at time.Time) {
	if g[reader] == nil {
		g[reader] = make([][]time.Time, len(c.list))
	}
	for i, one := range c.list {
		if one.Covers(topics) {
			g[reader][i] = append(g[reader][i], at)
		}
	}
}
