package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/delivery"
)

const pageUncertain = `
SELECT u.id, u.publication_id, u.channel_id, u.recipient_id, extract(epoch FROM clock_timestamp() - u.since)::float8, d.attempt, d.reason` +
	uncertainNow + `
  AND u.id > $6 ORDER BY u.id LIMIT $7 FOR UPDATE OF u`

// settleRows settles uncertain rows as $6, and takes them off the list.
const settleRows = `
WITH o AS (
    UPDATE delivery d SET state = $6::smallint, reason = CASE WHEN $6::smallint = 6 THEN d.reason ELSE 0 END, settled_at = clock_timestamp()
    FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS i (publication_id, channel_id, recipient_id),
         LATERAL (SELECT k.ctid AS tid, k.tableoid AS part FROM delivery k
                  WHERE k.publication_id = i.publication_id AND k.channel_id = i.channel_id
                    AND k.recipient_id = i.recipient_id AND k.state = 7 OFFSET 0) x
    WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.publication_id BETWEEN $4 AND $5 AND d.state = 7
    RETURNING d.publication_id, d.channel_id, d.recipient_id
), u AS (
    DELETE FROM uncertain t
    USING o, LATERAL (SELECT k.id FROM uncertain k WHERE k.publication_id = o.publication_id
                        AND k.channel_id = o.channel_id AND k.recipient_id = o.recipient_id OFFSET 0) y
    WHERE t.id = y.id
)
SELECT publication_id, channel_id, recipient_id FROM o`

// decideMost bounds how many recipients one call decides about.
const decideMost = 20_000

// DecideUncertain does with the uncertain recipients of a filter what an operator decided, and counts what became of
// them. more says that there are others still, with ids above after. Who became uncertain less than SettleTime ago
// is not sent to again yet: the sender may still tell. It may be repeated.
func (db *DB) DecideUncertain(
	ctx context.Context, f delivery.UncertainFilter, d delivery.Decision, after int64,
) (all delivery.Fates, next int64, more bool, err error) {
	next, more = after, true
	for done := 0; more && done < decideMost; done += uncertainPage {
		var fates []delivery.Fate
		from := next // stays if the transaction is run again
		err = db.tx(ctx, "decide about uncertain recipients", func(tx pgx.Tx) error {
			page, err := readUncertain(ctx, tx, f, from)
			if err != nil {
				return err
			}
			more = len(page) == uncertainPage
			if len(page) == 0 {
				fates = nil
				return nil
			}
			next = page[len(page)-1].id
			fates, err = db.decide(ctx, tx, page, d)
			if err != nil {
				return err
			}
			var counts delivery.Fates
			counts.Add(fates...)
			if counts.Changed == 0 {
				return nil
			}
			return record(ctx, tx, "delivery", "decide", f.Publication, map[string]any{"decision": d, "recipients": counts.Changed})
		})
		if err != nil {
			return all, next, more, err
		}
		all.Add(fates...)
	}
	return all, next, more, nil
}

// uncertainOne is a recipient to decide about.
type uncertainOne struct {
	id       int64
	key      delivery.Key
	age      time.Duration
	attempts int16
	reason   delivery.Reason
}

func readUncertain(ctx context.Context, tx pgx.Tx, f delivery.UncertainFilter, after int64) ([]uncertainOne, error) {
	rows, err := tx.Query(ctx, pageUncertain, append(uncertainArgs(f), after, uncertainPage)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (uncertainOne, error) {
		var u uncertainOne
		var age float64
		err := row.Scan(&u.id, &u.key.Publication, &u.key.Channel, &u.key.Recipient, &age, &u.attempts, &u.reason)
		u.age = time.Duration(age * float64(time.Second))
		return u, err
	})
}

func (db *DB) decide(ctx context.Context, tx pgx.Tx, page []uncertainOne, d delivery.Decision) ([]delivery.Fate, error) {
	var keys []delivery.Key
	var early []delivery.Fate
	known := make(map[delivery.Key]uncertainOne, len(page))
	for _, u := range page {
		if d == delivery.DecideResend && u.age < delivery.SettleTime {
			early = append(early, delivery.TooSoon)
			continue
		}
		keys, known[u.key] = append(keys, u.key), u
	}
	var fates []delivery.Fate
	var err error
	if d == delivery.DecideResend {
		fates, err = db.reopen(ctx, tx, keys, reopening{by: audit.Actor(ctx), was: delivery.Uncertain})
	} else {
		fates, err = db.settleAs(ctx, tx, keys, known, d)
	}
	return append(early, fates...), err
}

// settleAs settles uncertain recipients as somebody found out.
func (db *DB) settleAs(ctx context.Context, tx pgx.Tx, keys []delivery.Key, known map[delivery.Key]uncertainOne, d delivery.Decision) ([]delivery.Fate, error) {
	h, err := hold(ctx, tx, keys, func(delivery.Key) bool { return true })
	if err != nil {
		return nil, err
	}
	state := delivery.Sent
	if d == delivery.DecideFailed {
		state = delivery.Failed
	}
	c := columnsOfKeys(h.free)
	changed, err := ledgerKeys(ctx, tx, settleRows, c.publication, c.channel, c.recipient, c.first(), c.last(), int16(state))
	if err != nil {
		return nil, err
	}
	var settled []delivery.Outcome
	for k := range changed {
		o := delivery.Outcome{Publication: k.Publication, Channel: k.Channel, Recipient: k.Recipient, State: state, Attempt: known[k].attempts}
		if state == delivery.Failed {
			o.Reason, o.Dead = known[k].reason, delivery.SettledByHand(k.Channel)
		}
		settled = append(settled, o)
	}
	if err := insertDead(ctx, tx, outcomesOf(settled).dead); err != nil {
		return nil, err
	}
	if err := db.announceSettled(ctx, tx, settled); err != nil {
		return nil, err
	}
	return h.fates(keys, changed), recount(ctx, tx, h.batches(changed))
}
