package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/reputation"
)

// Receivers judge a sender each by itself, so what became of mail is also counted by the domain of the recipient and the day on
// which it was counted. Of one day no more than domainsADay have a row; what is of others is counted together, as "". Who is no
// subscriber, or no more, is of no domain.

// domainsADay bounds the rows of a day.
const domainsADay = 1000

// domainsKept is for how long they are kept.
const domainsKept = 30 * 24 * time.Hour

// countDomains counts what countEvents is going to count as the first of a recipient, and so comes before it. Everything is looked
// up by key: right after a fan-out the planner knows nothing.
const countDomains = `
WITH fresh AS MATERIALIZED (
    SELECT DISTINCT publication_id, channel_id, recipient_id, kind FROM event
    WHERE tx >= $1::text::xid8 AND tx < $2::text::xid8 AND kind IN (4, 5, 6)
), answered AS MATERIALIZED (
    SELECT split_part(s.email, '@', 2) AS domain, count(*) FILTER (WHERE f.kind = 4) AS delivered,
           count(*) FILTER (WHERE f.kind = 5) AS bounced, count(*) FILTER (WHERE f.kind = 6) AS complained
    FROM fresh f, LATERAL (SELECT k.email FROM subscriber k WHERE k.id = f.recipient_id AND k.email NOT LIKE '%@deleted.invalid' OFFSET 0) s
    WHERE NOT EXISTS (SELECT FROM event_first e WHERE e.publication_id = f.publication_id AND e.channel_id = f.channel_id
                        AND e.recipient_id = f.recipient_id AND e.kind = f.kind OFFSET 0)
    GROUP BY 1
), today AS (
    SELECT (now() AT TIME ZONE 'UTC')::date AS day
), ranked AS (
    SELECT a.*, EXISTS (SELECT FROM reputation_domain r, today t WHERE r.day = t.day AND r.domain = a.domain) AS known FROM answered a
), placed AS (
    SELECT CASE WHEN known OR row_number() OVER (PARTITION BY known ORDER BY delivered + bounced DESC, domain)
                              <= $3 - (SELECT count(*) FROM reputation_domain r, today t WHERE r.day = t.day AND r.domain <> '')
                THEN domain ELSE '' END AS domain, delivered, bounced, complained
    FROM ranked
)
INSERT INTO reputation_domain AS r (day, domain, delivered, bounced, complained)
SELECT t.day, p.domain, sum(p.delivered), sum(p.bounced), sum(p.complained) FROM placed p, today t GROUP BY t.day, p.domain
ON CONFLICT (day, domain) DO UPDATE SET delivered = r.delivered + excluded.delivered, bounced = r.bounced + excluded.bounced,
   complained = r.complained + excluded.complained`

// countReception counts the receivers' answers in the events of a window.
func countReception(ctx context.Context, tx pgx.Tx, from, to string) error {
	_, err := tx.Exec(ctx, countDomains, from, to, domainsADay)
	return err
}

// ReputationDomains is how receivers took what was sent to their domains in seven days, at most limit of them, those first that
// most was sent to. Of fewer answers than least nothing can be said, and they may be of one reader: such a domain is left out.
func (db *DB) ReputationDomains(ctx context.Context, least, limit int) ([]reputation.Domain, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT domain, sum(delivered)::bigint, sum(bounced)::bigint, sum(complained)::bigint
		FROM reputation_domain WHERE day > (now() AT TIME ZONE 'UTC')::date - 7 AND domain <> ''
		GROUP BY domain HAVING sum(delivered) + sum(bounced) >= $1
		ORDER BY sum(delivered) + sum(bounced) DESC, domain LIMIT $2`, least, limit)
	if err != nil {
		return nil, translate(err, "count what became of mail by domain")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (reputation.Domain, error) {
		var d reputation.Domain
		err := row.Scan(&d.Name, &d.Delivered, &d.Bounced, &d.Complained)
		return d, err
	})
	return list, translate(err, "count what became of mail by domain")
}

// purgeDomains forgets at most limit counts of days before a time.
func (db *DB) purgeDomains(ctx context.Context, before time.Time, limit int) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM reputation_domain WHERE (day, domain) IN (
			SELECT day, domain FROM reputation_domain WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date ORDER BY day, domain LIMIT $2)`, before, limit)
	return tag.RowsAffected(), translate(err, "forget what became of mail by domain")
}
