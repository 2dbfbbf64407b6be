package postgres

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/feedback"
)

// insertReturned stores events under the time the provider names, but in this month: earlier partitions may be gone, and
// a clock may be wrong.
const insertReturned = `
INSERT INTO event (at, kind, publication_id, channel_id, recipient_id)
SELECT least(greatest(i.at, date_trunc('month', now(), 'UTC')), clock_timestamp()), i.kind, i.publication_id, i.channel_id, i.recipient_id
FROM unnest($1::timestamptz[], $2::smallint[], $3::bigint[], $4::smallint[], $5::bigint[])
     AS i (at, kind, publication_id, channel_id, recipient_id)`

// firstSoftBounces keeps the keys of soft bounces and returns those that were not counted before.
const firstSoftBounces = `
INSERT INTO feedback AS f (key, publication_id, channel_id, recipient_id, kind, at)
SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::smallint[], $4::bigint[], $5::smallint[], $6::timestamptz[])
ON CONFLICT (key) DO UPDATE SET next_at = NULL WHERE f.next_at IS NOT NULL
RETURNING key`

// countReturned stores an event for what counts and is new: of what settles a delivery that is what did so, and of soft
// bounces those whose key was not seen before. Who complains has got the mail: that is counted with a complaint that comes
// before the word of it, which then says nothing new.
func countReturned(ctx context.Context, tx pgx.Tx, list []*returned) error {
	if err := judgeSoft(ctx, tx, list); err != nil {
		return err
	}
	counted := slices.DeleteFunc(slices.Clone(list), func(r *returned) bool {
		return r.result != feedback.Applied || meaningOf(r.kind).count == 0
	})
	if len(counted) == 0 {
		return nil
	}
	for _, r := range counted {
		if r.proves {
			counted = append(counted, &returned{ledgerKey: r.ledgerKey, kind: feedback.Delivered, at: r.at})
		}
	}
	k := returnedKeys(counted)
	_, err := tx.Exec(ctx, insertReturned, column(counted, func(r *returned) time.Time { return r.at }),
		column(counted, func(r *returned) int16 { return int16(meaningOf(r.kind).count) }), k.publication, k.channel, k.recipient)
	return err
}

// judgeSoft makes those soft bounces Applied that are to be counted, and the others Repeated. They change no state, but
// that of an uncertain delivery.
func judgeSoft(ctx context.Context, tx pgx.Tx, list []*returned) error {
	byKey := make(map[feedback.Key]*returned)
	for _, r := range list {
		if r.kind != feedback.SoftBounced || r.result != feedback.Applied && r.result != feedback.Repeated {
			continue
		}
		r.result = feedback.Repeated
		byKey[r.key] = r
	}
	if len(byKey) == 0 {
		return nil
	}
	soft := make([]*returned, 0, len(byKey))
	for _, r := range byKey {
		soft = append(soft, r)
	}
	c := feedbackColumns(soft)
	rows, err := tx.Query(ctx, firstSoftBounces, c...)
	if err != nil {
		return err
	}
	var key []byte
	_, err = pgx.ForEachRow(rows, []any{&key}, func() error {
		byKey[feedback.Key(key)].result = feedback.Applied
		return nil
	})
	return err
}

// feedbackColumns are the columns of rows of feedback.
func feedbackColumns(list []*returned) []any {
	k := returnedKeys(list)
	return []any{column(list, func(r *returned) []byte { return r.key[:] }), k.publication, k.channel, k.recipient,
		column(list, func(r *returned) int16 { return int16(r.kind) }), column(list, func(r *returned) time.Time { return r.at })}
}

const insertWaiting = `
INSERT INTO feedback (key, publication_id, channel_id, recipient_id, kind, at, next_at)
SELECT i.*, clock_timestamp() + make_interval(secs => $7)
FROM unnest($1::bytea[], $2::bigint[], $3::smallint[], $4::bigint[], $5::smallint[], $6::timestamptz[]) AS i
ON CONFLICT (key) DO NOTHING`

// keepEarly stores events that came before their deliveries, without the addresses.
func keepEarly(ctx context.Context, tx pgx.Tx, list []*returned) error {
	early := slices.DeleteFunc(slices.Clone(list), func(r *returned) bool { return r.result != feedback.Early })
	if len(early) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, insertWaiting, append(feedbackColumns(early), 1.0)...)
	return err
}

// keepRecounts has the batches of changed rows counted once more, later: see recountKind.
func keepRecounts(ctx context.Context, tx pgx.Tx, changed []*returned) error {
	if len(changed) == 0 {
		return nil
	}
	again := make([]*returned, 0, len(changed))
	for _, r := range changed {
		id := func(n int64) string { return strconv.FormatInt(n, 10) }
		again = append(again, &returned{ledgerKey: r.ledgerKey, kind: recountKind, at: r.at,
			key: feedback.NewKey("recount", id(r.publication), id(int64(r.channel)), id(r.recipient))})
	}
	_, err := tx.Exec(ctx, insertWaiting, append(feedbackColumns(again), 5.0)...)
	return err
}
