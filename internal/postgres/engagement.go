package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// engagementPage is how many deliveries of a publication one transaction counts: some 50 ms of work, for which the counting
// of events waits.
const engagementPage = 5000

// engagementHaste holds when a publication that ended at the time before it may be counted: while none is being sent, since
// counting takes a tenth of what sending takes, and in any case ten minutes after its end. Messages to one reader stand in
// nobody's way.
const engagementHaste = ` < clock_timestamp() - interval '10 minutes'
     OR NOT EXISTS (SELECT FROM publication s WHERE s.state IN ('rendering', 'sending') AND NOT s.message))`

// beginEngagement takes up a publication that has ended since it was counted last, the one that waits longest. What is settled
// by then is counted by the pass, with ten seconds for what is still about to commit; what is settled later only if the
// publication is reopened and ends again. Transactional messages say nothing about what somebody likes to read.
const beginEngagement = `
INSERT INTO engagement_pass (publication_id, after, through)
SELECT p.id, coalesce(p.engaged_through, '-infinity'), clock_timestamp() - interval '10 seconds'
FROM publication p
WHERE p.completed_at < clock_timestamp() - interval '10 seconds' AND p.type <> 'transactional'
  AND (p.engaged_through IS NULL OR p.engaged_through < p.completed_at)
  AND (p.completed_at` + engagementHaste + `
ORDER BY p.completed_at LIMIT 1
ON CONFLICT DO NOTHING`

// nextEngagement is where the next page of a pass ends: at the same reader on both channels that reach readers, or nowhere
// if no channel has a page more. What was reopened meanwhile goes by when its pass began.
const nextEngagement = `
SELECT q.publication_id, q.cursor,
       coalesce((SELECT min(h.id) FROM (VALUES (1::smallint), (2::smallint)) AS c (id), LATERAL (
                     SELECT d.recipient_id AS id FROM delivery d
                     WHERE d.publication_id = q.publication_id AND d.channel_id = c.id AND d.recipient_id > q.cursor
                     ORDER BY d.recipient_id OFFSET $1 LIMIT 1) h), 0)
FROM engagement_pass q JOIN publication p ON p.id = q.publication_id
WHERE (coalesce(p.completed_at, q.through)` + engagementHaste + `
ORDER BY q.publication_id LIMIT 1`

// countEngagement adds a page: 1 to what was sent for who got it on one channel or both, and to what was opened and clicked for
// who had done so before the page was counted. What they do later adds itself (engageEvents), as does what they do before the
// page of a publication that is counted again: so a repeated pass counts what was sent only, to whom nothing had been sent.
// Accepted, delivered, bounced and complained have all been sent. Channels are looked up one by one, here and below: for a list of
// them PostgreSQL may read all that an index has of the publication.
const countEngagement = `
WITH pass AS MATERIALIZED (
    SELECT q.publication_id, q.after, q.through, (coalesce(p.started_at, p.completed_at, q.through) AT TIME ZONE 'UTC')::date AS day
    FROM engagement_pass q JOIN publication p ON p.id = q.publication_id WHERE q.publication_id = $1
), got AS (
    SELECT d.recipient_id AS id,
           (bool_or(d.state IN (2, 3, 4, 5) AND d.settled_at > a.after AND d.settled_at <= a.through)
            AND NOT bool_or(d.state IN (2, 3, 4, 5) AND d.settled_at <= a.after))::integer AS sent
    FROM pass a, (VALUES (1::smallint), (2::smallint)) AS c (id), LATERAL (
        SELECT recipient_id, state, settled_at FROM delivery
        WHERE publication_id = $1 AND channel_id = c.id AND recipient_id > $2 AND recipient_id <= $3 OFFSET 0) d
    GROUP BY d.recipient_id
), did AS (
    SELECT f.recipient_id AS id, 1 AS opened, bool_or(f.kind = 2)::integer AS clicked
    FROM pass a, (VALUES (1::smallint), (2::smallint)) AS c (id), LATERAL (
        SELECT recipient_id, kind FROM event_first
        WHERE publication_id = $1 AND channel_id = c.id AND recipient_id > $2 AND recipient_id <= $3 OFFSET 0) f
    WHERE f.kind IN (1, 2) AND a.after = '-infinity'
    GROUP BY f.recipient_id
), added AS (
    SELECT id, sent + (coalesce(opened, 0)::bigint << 20) + (coalesce(clicked, 0)::bigint << 40) AS total, sent
    FROM got LEFT JOIN did USING (id)
)
INSERT INTO engagement AS e (subscriber_id, total, week, first_sent_on, sent_on)
SELECT x.id, x.total, (a.day - DATE '1970-01-05') / 7, CASE x.sent WHEN 1 THEN a.day END, CASE x.sent WHEN 1 THEN a.day END
FROM added x JOIN subscriber s USING (id), pass a WHERE x.total > 0 ORDER BY x.id` + addEngagement

// addEngagement adds the counters of excluded in its week to a row that is there. To a week that is over for the row they are
// added in every week since. engagement says what before is.
const addEngagement = `
ON CONFLICT (subscriber_id) DO UPDATE SET
    total = e.total + excluded.total,
    week = greatest(e.week, excluded.week),
    first_sent_on = least(e.first_sent_on, excluded.first_sent_on),
    sent_on = greatest(e.sent_on, excluded.sent_on),
    before = CASE
        WHEN excluded.total = 0 OR excluded.week = e.week THEN e.before
        WHEN excluded.week > e.week THEN (array_fill(e.total, ARRAY[least(53, excluded.week - e.week)]) || e.before)[1:53]
        ELSE ARRAY(SELECT coalesce(e.before[i], 0) + CASE WHEN i <= e.week - excluded.week THEN excluded.total ELSE 0 END
                   FROM generate_series(1, least(53, greatest(cardinality(e.before), e.week - excluded.week))) AS i ORDER BY i)
    END`

const endEngagement = `
WITH gone AS (DELETE FROM engagement_pass WHERE publication_id = $1 RETURNING publication_id, through)
UPDATE publication p SET engaged_through = gone.through FROM gone WHERE p.id = gone.publication_id`

// CountEngagement counts, for each reader, a page of what publications that have ended sent to them, and returns whether there
// may be more now: it gives way to publications that are being sent, for ten minutes. Each is counted once, whatever dies in between: the cursor moves in the same transaction. It runs in turn with
// AggregateEvents, so that what somebody opens is counted by one of the two.
func (db *DB) CountEngagement(ctx context.Context) (more bool, err error) {
	return db.countEngagement(ctx, engagementPage)
}

func (db *DB) countEngagement(ctx context.Context, page int) (more bool, err error) {
	err = db.tx(ctx, "count engagement", func(tx pgx.Tx) error {
		more = false
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(aggregateLock)); err != nil {
			return err
		}
		var publication, cursor, hi int64
		err := tx.QueryRow(ctx, nextEngagement, page-1).Scan(&publication, &cursor, &hi)
		if errors.Is(err, pgx.ErrNoRows) {
			tag, err := tx.Exec(ctx, beginEngagement)
			more = tag.RowsAffected() > 0
			return err
		}
		if err != nil {
			return err
		}
		more = true
		last := hi == 0
		if last {
			hi = 1<<63 - 1
		}
		if _, err := tx.Exec(ctx, countEngagement, publication, cursor, hi); err != nil {
			return err
		}
		if last {
			_, err = tx.Exec(ctx, endEngagement, publication)
		} else {
			_, err = tx.Exec(ctx, `UPDATE engagement_pass SET cursor = $2 WHERE publication_id = $1`, publication, hi)
		}
		return err
	})
	return more, err
}

// engageDays notes when readers last opened or clicked something, from the events of a window of transactions. A day that is
// noted already is not written again.
const engageDays = `
WITH did AS (
    SELECT recipient_id AS id, (max(at) FILTER (WHERE channel_id = 1) AT TIME ZONE 'UTC')::date AS email,
           (max(at) FILTER (WHERE channel_id = 2) AT TIME ZONE 'UTC')::date AS newsletter,
           (max(at) FILTER (WHERE kind = 2) AT TIME ZONE 'UTC')::date AS clicked
    FROM event WHERE tx >= $1::text::xid8 AND tx < $2::text::xid8 AND kind IN (1, 2) AND channel_id IN (1, 2)
    GROUP BY recipient_id
)
INSERT INTO engagement AS e (subscriber_id, email_on, newsletter_on, clicked_on)
SELECT did.id, did.email, did.newsletter, did.clicked FROM did JOIN subscriber s USING (id) ORDER BY did.id
ON CONFLICT (subscriber_id) DO UPDATE SET email_on = greatest(e.email_on, excluded.email_on),
    newsletter_on = greatest(e.newsletter_on, excluded.newsletter_on), clicked_on = greatest(e.clicked_on, excluded.clicked_on)
WHERE e.email_on IS DISTINCT FROM greatest(e.email_on, excluded.email_on)
   OR e.newsletter_on IS DISTINCT FROM greatest(e.newsletter_on, excluded.newsletter_on)
   OR e.clicked_on IS DISTINCT FROM greatest(e.clicked_on, excluded.clicked_on)`

// firstEngagements are the readers who opened or clicked a publication for the first time in a window, if they were counted
// for it already, by the week of the publication. Whoever clicks has opened it.
const firstEngagements = `
WITH fresh AS MATERIALIZED (
    SELECT publication_id, recipient_id AS id, bool_or(kind = 2) AS clicked
    FROM event WHERE tx >= $1::text::xid8 AND tx < $2::text::xid8 AND kind IN (1, 2) AND channel_id IN (1, 2)
    GROUP BY 1, 2
), added AS (
    SELECT f.id, ((coalesce(p.started_at, p.completed_at, p.created_at) AT TIME ZONE 'UTC')::date - DATE '1970-01-05') / 7 AS week,
           b.opened IS NULL AS opens, f.clicked AND b.clicked IS NOT TRUE AS clicks
    FROM fresh f JOIN publication p ON p.id = f.publication_id,
         LATERAL (SELECT bool_or(true) AS opened, bool_or(k.kind = 2) AS clicked
                  FROM (VALUES (1::smallint, 1::smallint), (1, 2), (2, 1), (2, 2)) AS k (channel_id, kind), LATERAL (
                      SELECT FROM event_first e WHERE e.publication_id = f.publication_id AND e.channel_id = k.channel_id
                        AND e.recipient_id = f.id AND e.kind = k.kind OFFSET 0) e) b
    WHERE p.engaged_through IS NOT NULL
       OR EXISTS (SELECT FROM engagement_pass q WHERE q.publication_id = p.id AND q.cursor >= f.id)
)
SELECT week, id, sum((opens::integer::bigint << 20) + (clicks::integer::bigint << 40))::bigint
FROM added WHERE opens OR clicks GROUP BY week, id ORDER BY week, id`

const addEngagements = `
INSERT INTO engagement AS e (subscriber_id, total, week)
SELECT i.id, i.total, $1 FROM unnest($2::bigint[], $3::bigint[]) AS i (id, total) JOIN subscriber s USING (id)` + addEngagement

// engageEvents adds what the events of a window say about readers. It comes before the events are counted: what a reader did
// before is read from event_first.
func engageEvents(ctx context.Context, tx pgx.Tx, from, to string) error {
	if _, err := tx.Exec(ctx, engageDays, from, to); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, firstEngagements, from, to)
	if err != nil {
		return err
	}
	type week struct{ ids, totals []int64 }
	weeks := map[int32]*week{}
	var n int32
	var id, total int64
	if _, err := pgx.ForEachRow(rows, []any{&n, &id, &total}, func() error {
		if weeks[n] == nil {
			weeks[n] = &week{}
		}
		weeks[n].ids, weeks[n].totals = append(weeks[n].ids, id), append(weeks[n].totals, total)
		return nil
	}); err != nil {
		return err
	}
	for n, w := range weeks {
		if _, err := tx.Exec(ctx, addEngagements, n, w.ids, w.totals); err != nil {
			return err
		}
	}
	return nil
}
