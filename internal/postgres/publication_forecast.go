package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/publication"
)

// audienceCensus looks at every subscriber once, or at the named ones, and counts them by what would become of them: the
// first reason that holds, in the order of delivery.Outsider.Why, and then what Owed would skip them for. Who would be sent
// to is counted by what outlook decides by: what they chose, and how many messages they may still get by caps. The ranges of
// ids are the four that splitAudience makes.
const audienceCensus = `
WITH top AS (SELECT coalesce(max(id), 0) AS id FROM subscriber),` + spareByCaps + `
SELECT CASE WHEN s.id = ANY($3::bigint[]) THEN 'excluded' WHEN s.status <> 'active' THEN 'not_active'
            WHEN $1::integer[] IS NOT NULL AND NOT s.topics && $1 THEN 'no_topic'
            WHEN NOT (true`

const audienceCensusEnd = `) THEN 'no_segment' ELSE '' END,
       coalesce(12 + u.reason, 0),
       (s.id > top.id / 4)::integer + (s.id > top.id * 2 / 4)::integer + (s.id > top.id * 3 / 4)::integer,
       greatest(coalesce(t.spare, $9::bigint), 0), s.timezone,` + chosenColumns + `,
       count(*)
FROM top, subscriber s LEFT JOIN suppression u ON u.id = s.suppression_id LEFT JOIN tight t ON t.recipient_id = s.id
WHERE ($2::bigint[] IS NULL OR s.id = ANY($2)) AND s.email NOT LIKE '%@deleted.invalid'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10`

// targetCensus counts places as broadcast does: what stands in for another is no target of its own.
const targetCensus = `
SELECT c.kind, count(*) FILTER (WHERE c.enabled AND NOT EXISTS (
           SELECT FROM channel p WHERE p.kind = c.kind AND p.enabled AND p.id <> c.id AND p.settings ->> 'fallback' = c.name)),
       count(*) FILTER (WHERE NOT c.enabled)
FROM channel c WHERE c.kind = ANY($1) GROUP BY c.kind`

// Census counts who a publication would reach if it began now, and who of them would have to wait, if it began now or at its
// time. It reads every subscriber once, unless the audience names them, and, if there are caps, what was sent of late. It
// stores nothing.
func (db *DB) Census(ctx context.Context, r publication.Resolved) (publication.Census, error) {
	c := publication.Census{
		Suppressed: map[string]int64{}, Left: map[string]int64{}, Targets: map[string]int64{}, Off: map[string]int64{},
		Unwanted: map[string]int64{}, Deferred: map[string]map[string]int64{}, BatchSize: int64(db.batchSize),
	}
	if r.Personal() {
		if err := db.countReaders(ctx, r, &c); err != nil {
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

func (db *DB) countReaders(ctx context.Context, r publication.Resolved, c *publication.Census) error {
	o, err := db.outlookOf(ctx, r)
	if err != nil {
		return err
	}
	p, err := db.audience(ctx, audienceCensus, r.AudienceIDs, time.Now(), o.spareArgs()...)
	if err != nil {
		return err
	}
	rows, err := p.end(audienceCensusEnd).query(ctx, db.pool)
	if err != nil {
		return err
	}
	var left, zone string
	var skip delivery.Reason
	var part, spare, n int64
	var of chosen
	_, err = pgx.ForEachRow(rows, append(append([]any{&left, &skip, &part, &spare, &zone}, of.targets()...), &n), func() error {
		switch {
		case left != "":
			c.Left[left] += n
			return nil
		case skip != delivery.NoReason:
			c.Suppressed[skip.String()] += n
		default:
			o.count(c, of.reader(zone), spare, n)
		}
		c.Ranges[part] += n
		return nil
	})
	return err
}
