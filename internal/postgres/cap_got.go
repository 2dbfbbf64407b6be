package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
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
  AND priority <> 'critical' AND type <> 'transactional'
ORDER BY id`

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
	// What readers ($3) got of publications ($1), each with the caps that it counts for ($5), on channels ($2) within a time ($4).
	// inRange looks through a range of readers, forEach looks each of them up: for readers that are far apart.
	inRange = `
FROM unnest($1::bigint[], $5::bigint[]) AS p (id, caps), unnest($2::smallint[]) AS k (id),
     LATERAL (SELECT * FROM delivery l WHERE l.publication_id = p.id AND l.channel_id = k.id
                AND l.recipient_id >= ($3::bigint[])[1] AND l.recipient_id <= ($3::bigint[])[cardinality($3::bigint[])] OFFSET 0) d` + counts
	forEach = `
FROM unnest($1::bigint[], $5::bigint[]) AS p (id, caps), unnest($2::smallint[]) AS k (id), unnest($3::bigint[]) AS r (id),
     LATERAL (SELECT * FROM delivery l WHERE l.publication_id = p.id AND l.channel_id = k.id AND l.recipient_id = r.id OFFSET 0) d` + counts

	// What counts is owed, sent, delivered, complained about or uncertain: what failed, or was returned, did not reach anybody.
	counts = `
WHERE d.state IN (0, 2, 3, 5, 7) AND (d.state = 0 OR d.settled_at > now() - $4::interval)`

	whatGot = `SELECT p.caps, d.recipient_id, CASE WHEN d.state > 0 THEN d.settled_at END`

	// farApart is from how many ids a reader on a look-up for each is less work than looking through the range.
	farApart = 16
)

// scattered reports whether readers, in the order of their ids, are rather looked up one by one.
func scattered(ids []int64) bool { return ids[len(ids)-1]-ids[0] > int64(farApart*len(ids)) }

// asked is what is looked for: publications, in order, for each the caps that it counts for, of which the n-th is the bit n, and how
// many messages leave room, in each cap, for one more on every channel.
type asked struct {
	publications, caps []int64
	room               []int32
}

// ask leaves out the caps that what was published lately cannot reach, and what counts for no other.
func (c caps) ask(lately []recent) (a asked) {
	kinds := len(personalKinds())
	of := make([]int64, len(lately))
	for i, one := range c.list {
		a.room = append(a.room, int32(one.Limit-kinds)) //nolint:gosec // limits are small
		since := c.now.Add(-one.Window)
		var covered []int
		for j, r := range lately {
			if one.Covers(r.topics) && (r.completed == nil || r.completed.After(since)) {
				covered = append(covered, j)
			}
		}
		if len(covered)*kinds <= one.Limit { // that which is decided about is one of them
			continue
		}
		for _, j := range covered {
			of[j] |= 1 << i
		}
	}
	for j, r := range lately {
		if of[j] != 0 {
			a.publications, a.caps = append(a.publications, r.id), append(a.caps, of[j])
		}
	}
	return a
}

// got is when readers got what a cap covers, by reader, one list for each cap. Who is not in it got few, or nothing.
type got map[int64][][]time.Time

// readGot locks readers, in the order of their ids, and reads what those got who may not get a message on every channel (near): of
// millions who are far from any cap nothing else matters. Until the transaction ends nobody else decides about them.
func (c caps) readGot(ctx context.Context, tx pgx.Tx, ids []int64) (got, error) {
	if _, err := tx.Exec(ctx, lockReaders, capLocks, ids); err != nil { // what is counted has to be seen after it
		return nil, err
	}
	lately, err := c.recent(ctx, tx)
	if err != nil {
		return nil, err
	}
	a := c.ask(lately)
	if len(a.publications) == 0 {
		return got{}, nil
	}
	if ids, err = a.near(ctx, tx, ids); err != nil || len(ids) == 0 {
		return got{}, err
	}
	statement := whatGot + inRange
	if scattered(ids) {
		statement = whatGot + forEach
	}
	rows, err := tx.Query(ctx, statement, a.publications, personalKinds(), ids, c.window(), a.caps)
	if err != nil {
		return nil, err
	}
	g := make(got)
	var bits, reader int64
	var at *time.Time
	_, err = pgx.ForEachRow(rows, []any{&bits, &reader, &at}, func() error {
		if at == nil {
			at = &c.now
		}
		g.add(c, reader, bits, *at)
		return nil
	})
	return g, err
}

// add notes that a reader got, or is to get, something that counts for some caps.
func (g got) add(c caps, reader, bits int64, at time.Time) {
	if g[reader] == nil {
		g[reader] = make([][]time.Time, len(c.list))
	}
	for i := range c.list {
		if bits&(1<<i) != 0 {
			g[reader][i] = append(g[reader][i], at)
		}
	}
}
