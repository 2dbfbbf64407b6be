package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
)

// audienceCensus looks at every subscriber once, or at the named ones, and counts them by what would become of them: the
// first reason that holds, in the order of delivery.Outsider.Why, and then what Owed would skip them for. The ranges of
// ids are the four that splitAudience makes.
const audienceCensus = `
WITH top AS (SELECT coalesce(max(id), 0) AS id FROM subscriber)
SELECT CASE WHEN s.id = ANY($3::bigint[]) THEN 'excluded' WHEN s.status <> 'active' THEN 'not_active'
            WHEN $1::integer[] IS NOT NULL AND NOT s.topics && $1 THEN 'no_topic'
            WHEN NOT (true`

const audienceCensusEnd = `) THEN 'no_segment' ELSE '' END,
       coalesce(12 + u.reason, 0),
       (s.id > top.id / 4)::integer + (s.id > top.id * 2 / 4)::integer + (s.id > top.id * 3 / 4)::integer,
       count(*)
FROM top, subscriber s LEFT JOIN suppression u ON u.id = s.suppression_id
WHERE ($2::bigint[] IS NULL OR s.id = ANY($2)) AND s.email NOT LIKE '%@deleted.invalid'
GROUP BY 1, 2, 3`

// targetCensus counts places as broadcast does: what stands in for another is no target of its own.
const targetCensus = `
SELECT c.kind, count(*) FILTER (WHERE c.enabled AND NOT EXISTS (
           SELECT FROM channel p WHERE p.kind = c.kind AND p.enabled AND p.id <> c.id AND p.settings ->> 'fallback' = c.name)),
       count(*) FILTER (WHERE NOT c.enabled)
FROM channel c WHERE c.kind = ANY($1) GROUP BY c.kind`

// Census counts who a publication would reach if it began now. It reads every subscriber once, unless the audience names
// them, and stores nothing.
func (db *DB) Census(ctx context.Context, r publication.Resolved) (publication.Census, error) {
	c := publication.Census{
		Suppressed: map[string]int64{}, Left: map[string]int64{}, Targets: map[string]int64{}, Off: map[string]int64{},
		BatchSize: int64(db.batchSize),
	}
	if r.Personal() {
		p, err := db.audience(ctx, audienceCensus, r.AudienceIDs, time.Now())
		if err != nil {
			return c, translate(err, "count an audience")
		}
		rows, err := p.end(audienceCensusEnd).query(ctx, db.pool)
		if err != nil {
			return c, translate(err, "count an audience")
		}
		if err := countReaders(rows, &c); err != nil {
			return c, translate(err, "count an audience")
		}
	}
	var kinds []string
	for _, channel := range r.Channels {
		if !channel.Personal {
			kinds = append(kinds, channel.Name)
		}
	}
	rows, err := db.pool.Query(ctx, targetCensus, kinds)
	if err != nil {
		return c, translate(err, "count places")
	}
	var kind string
	var on, off int64
	_, err = pgx.ForEachRow(rows, []any{&kind, &on, &off}, func() error {
		c.Targets[kind], c.Off[kind] = on, off
		return nil
	})
	return c, translate(err, "count places")
}

func countReaders(rows pgx.Rows, c *publication.Census) error {
	var left string
	var skip delivery.Reason
	var part, n int64
	_, err := pgx.ForEachRow(rows, []any{&left, &skip, &part, &n}, func() error {
		switch {
		case left != "":
			c.Left[left] += n
			return nil
		case skip != delivery.NoReason:
			c.Suppressed[skip.String()] += n
		}
		c.Ranges[part] += n
		return nil
	})
	return err
}
