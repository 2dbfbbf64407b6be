package postgres

import (
	"context"

	"github.com/presswork/presswork/internal/delivery"
)

// What is held until the policy lets it go is held by the policy of then. When that is changed, all of it is looked at again, some
// at a time: it may be a million, and due for weeks. Whoever decided by the old policy has ended some seconds later, and what they
// held is looked at as well.

// reconsiderPage bounds how many held deliveries one statement makes due.
const reconsiderPage = 5000

const reconsiderHeld = `
WITH y AS MATERIALIZED (
    SELECT reconsider AS r FROM delivery_policy
    WHERE reconsider IS NOT NULL AND updated_at < clock_timestamp() - interval '5 seconds' FOR NO KEY UPDATE SKIP LOCKED
), page AS MATERIALIZED (
    SELECT k.* FROM y, LATERAL (
        SELECT ctid AS tid, publication_id, channel_id, recipient_id FROM held
        WHERE (publication_id, channel_id, recipient_id) > (y.r[1], y.r[2]::smallint, y.r[3])
        ORDER BY publication_id, channel_id, recipient_id LIMIT $1) k
), again AS (
    UPDATE held h SET due = now() FROM page WHERE h.ctid = page.tid AND h.due > now() AND h.reason = ANY($2)
)
UPDATE delivery_policy SET reconsider = (
    SELECT ARRAY[publication_id, channel_id, recipient_id] FROM page ORDER BY publication_id DESC, channel_id DESC, recipient_id DESC LIMIT 1)
WHERE EXISTS (SELECT FROM y)`

// reconsider has some more of what is held by the policy looked at again, if that was changed. It may be repeated, by several at once.
func (db *DB) reconsider(ctx context.Context) error {
	byPolicy := []int16{int16(delivery.QuietHours), int16(delivery.FrequencyCap), int16(delivery.Gathered)}
	_, err := db.pool.Exec(ctx, reconsiderHeld, reconsiderPage, byPolicy)
	return translate(err, "look at held deliveries by a new policy")
}
