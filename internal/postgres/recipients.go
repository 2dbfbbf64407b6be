package postgres

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
)

// Looking through the ledger for a few rows of many is cut into statements of lookRows, some 5 ms each, and ends after
// lookSteps of them: the list goes on from there with the next request.
const (
	lookRows  = 5000
	lookSteps = 20
)

// lookThrough walks the ledger in the order of its key. Nothing indexes states and reasons, and nothing should: see
// docs/architecture.md. Each row repeats where the walk has come to, also if nothing was found.
const lookThrough = `
WITH seen AS MATERIALIZED (
    SELECT channel_id, recipient_id, state, reason, attempt, settled_at FROM delivery
    WHERE publication_id = $1 AND (channel_id, recipient_id) > ($2, $3) AND channel_id <= $4
    ORDER BY channel_id, recipient_id LIMIT $5
), hit AS (
    SELECT * FROM seen
    WHERE ($6::smallint[] IS NULL OR state = ANY($6)) AND ($7::smallint[] IS NULL OR reason = ANY($7))
    ORDER BY channel_id, recipient_id LIMIT $8
), walk AS (
    SELECT count(*) AS n, coalesce((SELECT channel_id FROM seen ORDER BY channel_id DESC LIMIT 1), 0) AS channel_id FROM seen
)
SELECT w.n, w.channel_id, coalesce((SELECT max(recipient_id) FROM seen WHERE channel_id = w.channel_id), 0),
       coalesce(h.channel_id, 0), coalesce(h.recipient_id, 0), coalesce(h.state, 0), coalesce(h.reason, 0),
       coalesce(h.attempt, 0), h.settled_at, coalesce(s.uid, c.uid), t.due
FROM walk w LEFT JOIN hit h ON true
LEFT JOIN LATERAL (SELECT uid FROM subscriber WHERE id = h.recipient_id AND h.channel_id = ANY($9::smallint[]) OFFSET 0) s ON true
LEFT JOIN LATERAL (SELECT uid FROM channel WHERE id = h.recipient_id AND h.channel_id <> ALL($9::smallint[]) OFFSET 0) c ON true
LEFT JOIN LATERAL (SELECT k.due FROM held k WHERE h.state = 1 AND k.publication_id = $1 AND k.channel_id = h.channel_id
                     AND k.recipient_id = h.recipient_id OFFSET 0) t ON true
ORDER BY h.channel_id, h.recipient_id`

// Recipients are a publication's deliveries that f finds, in the order of channel and recipient, or NotFound. If they are
// rare in a large publication it may return few, or none, and not be done.
func (db *DB) Recipients(ctx context.Context, uid ident.UID, f delivery.Find) (delivery.Found, error) {
	id, err := db.PublicationID(ctx, uid)
	if err != nil {
		return delivery.Found{}, err
	}
	found := delivery.Found{LastChannel: f.AfterChannel, LastRecipient: f.AfterRecipient}
	last := int16(math.MaxInt16)
	if f.Channel != 0 {
		last = f.Channel
		if f.AfterChannel < f.Channel {
			found.LastChannel, found.LastRecipient = f.Channel, 0
		}
	}
	for range lookSteps {
		rows, err := db.pool.Query(ctx, lookThrough, id, found.LastChannel, found.LastRecipient, last, lookRows,
			numbers(f.States), numbers(f.Reasons), f.Limit-len(found.Entries), personalKinds())
		if err != nil {
			return found, translate(err, "look through the ledger")
		}
		seen, err := lookedAt(rows, &found)
		if err != nil {
			return found, translate(err, "look through the ledger")
		}
		found.Done = seen < lookRows
		if found.Done || len(found.Entries) >= f.Limit {
			break
		}
	}
	return found, nil
}

// lookedAt is the found deliveries of one step, and how far it came.
func lookedAt(rows pgx.Rows, f *delivery.Found) (seen int, err error) {
	var e delivery.Entry
	var uid *ident.UID
	var lastChannel int16
	var lastRecipient int64
	_, err = pgx.ForEachRow(rows, []any{&seen, &lastChannel, &lastRecipient, &e.Channel, &e.Recipient, &e.State, &e.Reason,
		&e.Used, &e.SettledAt, &uid, &e.Until}, func() error {
		if e.Channel > 0 {
			found := e
			if uid != nil {
				found.UID = *uid
			}
			f.Entries = append(f.Entries, found)
		}
		return nil
	})
	if seen > 0 {
		f.LastChannel, f.LastRecipient = lastChannel, lastRecipient
	}
	return seen, err
}

// numbers are states or reasons as the ledger stores them; nil for none.
func numbers[T ~int16](list []T) []int16 {
	if len(list) == 0 {
		return nil
	}
	return column(list, func(v T) int16 { return int16(v) })
}

// personalKinds are the ids of the channel kinds whose recipients are subscribers.
func personalKinds() []int16 {
	var ids []int16
	for _, k := range channel.Kinds() {
		if k.Personal() {
			ids = append(ids, k.ID())
		}
	}
	return ids
}
