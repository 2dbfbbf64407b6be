package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/suppression"
)

// A soft bounce counts against a reader's mailbox for as long as it is kept (feedbackKept), unless mail has reached the
// mailbox since. Two of one publication are one. The policy is internal/reputation's.

// tooOften are those of some readers whom the policy gives up, with the last publication that did not reach them.
const tooOften = `
SELECT s.email, f.publication_id
FROM (SELECT recipient_id, max(publication_id) AS publication_id, count(DISTINCT publication_id) AS n, max(at) - min(at) AS span
      FROM feedback WHERE recipient_id = ANY($1) AND kind = 3 AND next_at IS NULL AND cleared_at IS NULL GROUP BY 1) f
JOIN reputation_policy p ON p.soft_bounces > 0 AND f.n >= p.soft_bounces AND f.span >= make_interval(days => p.soft_days)
JOIN subscriber s ON s.id = f.recipient_id AND s.email NOT LIKE '%@deleted.invalid'
ORDER BY s.id`

// softTooOften is whom the soft bounces among these events, counted just now, were too many of.
func softTooOften(ctx context.Context, tx pgx.Tx, list []*returned) ([]toSuppress, error) {
	var readers []int64
	for _, r := range list {
		if r.kind == feedback.SoftBounced && r.result == feedback.Applied {
			readers = append(readers, r.recipient)
		}
	}
	if len(readers) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, tooOften, readers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (toSuppress, error) {
		l := toSuppress{entry: suppression.Entry{Reason: suppression.SoftBounce, Source: suppression.SourceSES}}
		err := row.Scan(&l.address, &l.publication)
		return l, err
	})
}

// clearReached ends the count against mailboxes that the events of some transactions say mail has reached: it was
// delivered, opened, or a link in it was followed, by a person or a machine of theirs.
const clearReached = `
UPDATE feedback f SET cleared_at = e.at
FROM (SELECT recipient_id, max(at) AS at FROM event
      WHERE tx >= $1::text::xid8 AND tx < $2::text::xid8 AND kind IN (1, 2, 4) AND channel_id = ANY($3) GROUP BY 1) e
WHERE f.recipient_id = e.recipient_id AND f.at < e.at AND f.kind = 3 AND f.next_at IS NULL AND f.cleared_at IS NULL`

// clearSoft follows the counting of events, in its transaction.
func clearSoft(ctx context.Context, tx pgx.Tx, from, to string) error {
	var personal []int16
	for _, kind := range channel.Kinds() {
		if kind.Personal() {
			personal = append(personal, kind.ID())
		}
	}
	_, err := tx.Exec(ctx, clearReached, from, to, personal)
	return err
}

// clearMoved ends the count against the mailboxes that subscribers had, who have these addresses now.
const clearMoved = `
UPDATE feedback f SET cleared_at = clock_timestamp() FROM subscriber s
WHERE s.email = ANY($1) AND f.recipient_id = s.id AND f.kind = 3 AND f.next_at IS NULL AND f.cleared_at IS NULL`

// clearListed ends the count against the mailbox of a suppressed address.
const clearListed = `
UPDATE feedback f SET cleared_at = clock_timestamp() FROM suppression u JOIN subscriber s ON s.suppression_id = u.id
WHERE u.uid = $1 AND f.recipient_id = s.id AND f.kind = 3 AND f.next_at IS NULL AND f.cleared_at IS NULL`
