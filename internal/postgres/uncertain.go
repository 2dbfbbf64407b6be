package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
)

// Who is uncertain stands in a small table beside the ledger, so that nobody has to look through it. A row there says
// that somebody became uncertain; whether they still are, the ledger says.

const (
	startUncertain = `
INSERT INTO uncertain (publication_id, channel_id, recipient_id, due)
`
	stillUncertain = `
ON CONFLICT (publication_id, channel_id, recipient_id) DO UPDATE SET since = clock_timestamp(), due = excluded.due`

	insertUncertain = startUncertain + `
SELECT i.*, clock_timestamp() + make_interval(secs => $4)
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS i (publication_id, channel_id, recipient_id)` + stillUncertain
)

// noteUncertain has the policy asked about recipients, once evidence had its time.
func noteUncertain(ctx context.Context, tx pgx.Tx, keys []delivery.Key) error {
	if len(keys) == 0 {
		return nil
	}
	c := columnsOfKeys(keys)
	_, err := tx.Exec(ctx, insertUncertain, c.publication, c.channel, c.recipient, delivery.SettleTime.Seconds())
	return err
}

// uncertainPage bounds how many recipients one transaction decides about.
const uncertainPage = 500

// dueUncertain is whom the policy is asked about. Who is not uncertain any more has state -1. A message was sent first before
// its sender's lease ran out, and before it was sent again.
const dueUncertain = `
SELECT u.id, u.publication_id, u.channel_id, u.recipient_id,
       coalesce((SELECT d.state FROM delivery d WHERE d.publication_id = u.publication_id AND d.channel_id = u.channel_id
                   AND d.recipient_id = u.recipient_id AND d.state = 7), -1),
       coalesce((SELECT p.type FROM publication p WHERE p.id = u.publication_id), '') = 'transactional',
       extract(epoch FROM clock_timestamp() - u.since)::float8, extract(epoch FROM clock_timestamp() - least(
           (SELECT s.until FROM sender_session s WHERE s.id = (SELECT d.session_id FROM delivery d
              WHERE d.publication_id = u.publication_id AND d.channel_id = u.channel_id AND d.recipient_id = u.recipient_id)),
           (SELECT min(r.at) FROM reopening r WHERE r.publication_id = u.publication_id AND r.channel_id = u.channel_id
              AND r.recipient_id = u.recipient_id AND r.was = 7), u.since))::float8,
       (SELECT count(*) FROM reopening r WHERE r.publication_id = u.publication_id AND r.channel_id = u.channel_id
          AND r.recipient_id = u.recipient_id AND r.was = 7 AND r.by = 'policy')::int
FROM uncertain u WHERE u.due <= clock_timestamp() ORDER BY u.due LIMIT $1 FOR UPDATE OF u SKIP LOCKED`

// doubt is one of them.
type doubt struct {
	id  int64
	key delivery.Key
	delivery.Doubt
	settled bool
}

// ResendUncertain asks the policies of the channels about those whose time has come, a page of them: who is to be sent
// to once more is owed again. It returns how many, and whether there may be more. Several processes may do it at once.
func (db *DB) ResendUncertain(ctx context.Context) (resent int, more bool, err error) {
	err = db.tx(ctx, "decide about uncertain recipients", func(tx pgx.Tx) error {
		resent, more = 0, false
		list, err := readDoubts(ctx, tx)
		if err != nil || len(list) == 0 {
			return err
		}
		more = len(list) == uncertainPage
		var keys []delivery.Key
		var gone, held []int64
		later := make(map[int64]time.Duration)
		chosen, expires := make(map[delivery.Key]int64), make(map[delivery.Key]float64)
		for _, d := range list {
			now, wait := d.Resend()
			switch {
			case d.settled:
				gone = append(gone, d.id)
			case now:
				keys, chosen[d.key] = append(keys, d.key), d.id
				if left, ends := d.Expires(); ends {
					expires[d.key] = left.Seconds()
				}
			case wait > 0:
				later[d.id] = wait
			default:
				held = append(held, d.id)
			}
		}
		fates, err := db.reopen(ctx, tx, keys, reopening{by: delivery.ByPolicy, was: delivery.Uncertain, expires: expires})
		if err != nil {
			return err
		}
		for i, fate := range fates {
			switch id := chosen[keys[i]]; fate {
			case delivery.Changed:
				resent++
			case delivery.Busy:
				later[id] = busyWait
			default:
				held = append(held, id)
			}
		}
		return putOff(ctx, tx, gone, held, later)
	})
	return resent, more, err
}

// busyWait is longer than a worker holds a batch.
const busyWait = 7 * time.Second

func putOff(ctx context.Context, tx pgx.Tx, gone, held []int64, later map[int64]time.Duration) error {
	var ids []int64
	var waits []float64
	for id, wait := range later {
		ids, waits = append(ids, id), append(waits, wait.Seconds())
	}
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM uncertain WHERE id = ANY($1)`, gone)
	batch.Queue(`UPDATE uncertain SET due = NULL WHERE id = ANY($1)`, held)
	batch.Queue(`UPDATE uncertain u SET due = clock_timestamp() + make_interval(secs => i.wait)
		FROM unnest($1::bigint[], $2::float8[]) AS i (id, wait) WHERE u.id = i.id`, ids, waits)
	return tx.SendBatch(ctx, batch).Close()
}

func readDoubts(ctx context.Context, tx pgx.Tx) ([]doubt, error) {
	rows, err := tx.Query(ctx, dueUncertain, uncertainPage)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (doubt, error) {
		var d doubt
		var state int16
		var age, first float64
		err := row.Scan(&d.id, &d.key.Publication, &d.key.Channel, &d.key.Recipient, &state, &d.Transactional, &age, &first, &d.Resends)
		d.settled = state != int16(delivery.Uncertain)
		d.Age, d.First = time.Duration(age*float64(time.Second)), time.Duration(first*float64(time.Second))
		return d, err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	outlets, err := readPolicies(ctx, tx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		outlets.fill(&list[i])
	}
	return list, nil
}

// policies is what channels say of uncertain recipients: each place's own, and for the personal kinds that of the first
// channel that is switched on, as in worker.Outlets.
type policies struct {
	places map[int64]policy
	kinds  map[channel.Kind]policy
}

type policy struct {
	id                      int64
	kind, provider, setting string
	standIn                 bool
}

func readPolicies(ctx context.Context, tx pgx.Tx) (policies, error) {
	p := policies{places: make(map[int64]policy), kinds: make(map[channel.Kind]policy)}
	rows, err := tx.Query(ctx, `
		SELECT id, kind, provider, coalesce(settings ->> $1, ''), coalesce(settings ->> 'fallback', '') <> ''
		FROM channel WHERE enabled ORDER BY id`, channel.SettingUncertain)
	if err != nil {
		return p, err
	}
	var one policy
	_, err = pgx.ForEachRow(rows, []any{&one.id, &one.kind, &one.provider, &one.setting, &one.standIn}, func() error {
		p.places[one.id] = one
		if _, known := p.kinds[channel.Kind(one.kind)]; !known {
			p.kinds[channel.Kind(one.kind)] = one
		}
		return nil
	})
	return p, err
}

func (p policies) fill(d *doubt) {
	kind, err := channel.KindOf(d.key.Channel)
	if err != nil {
		return // a newer build's: it holds
	}
	one := p.places[d.key.Recipient]
	if kind.Personal() {
		one = p.kinds[kind]
	}
	d.Kind, d.Provider, d.Setting, d.StandIn = string(kind), one.provider, one.setting, one.standIn
}

// historyKept is how long it is known that somebody was made owed again.
const historyKept = 365 * 24 * time.Hour

// SweepReopened takes off the list of uncertain recipients who was settled by evidence, and forgets who was made owed
// again long ago. It may be repeated.
func (db *DB) SweepReopened(ctx context.Context) error {
	for {
		settled, err := db.sweepUncertain(ctx, maintainPage)
		if err != nil {
			return err
		}
		tag, err := db.pool.Exec(ctx, `
			DELETE FROM reopening WHERE id IN (SELECT id FROM (SELECT id, at FROM reopening ORDER BY id LIMIT $2) r WHERE r.at < $1)`,
			time.Now().Add(-historyKept), maintainPage)
		if err != nil {
			return translate(err, "forget who was made owed again")
		}
		if max(settled, tag.RowsAffected()) < maintainPage {
			return nil
		}
	}
}

// sweepUncertain looks twice whether a row is due: whoever becomes uncertain again just then makes it so.
func (db *DB) sweepUncertain(ctx context.Context, limit int) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM uncertain WHERE due IS NULL AND id IN (
			SELECT u.id FROM uncertain u WHERE u.due IS NULL
			  AND NOT EXISTS (SELECT FROM delivery d WHERE d.publication_id = u.publication_id AND d.channel_id = u.channel_id
			                    AND d.recipient_id = u.recipient_id AND d.state = 7)
			LIMIT $1)`, limit)
	return tag.RowsAffected(), translate(err, "sweep the list of uncertain recipients")
}
