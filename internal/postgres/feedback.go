package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/suppression"
)

// returned is an event whose delivery's key is known.
type returned struct {
	ledgerKey
	key    feedback.Key
	kind   feedback.Kind
	at     time.Time
	cause  string
	result feedback.Result
	// kept back by the provider: nothing was delivered. That is not remembered of an event that waits.
	kept bool
	// proves that the mail was delivered, which nobody had said before.
	proves bool
}

// recountKind is a row of feedback that is no event: a batch that was just being released when a row of it was settled
// was counted without that row, and is counted once more a while later.
const recountKind = feedback.Kind(0)

// ApplyFeedback settles deliveries by what providers said and suppresses addresses; see feedback.Store. An address is
// suppressed only on account of a delivery that is in the ledger.
func (db *DB) ApplyFeedback(ctx context.Context, events []feedback.Event) ([]feedback.Result, error) {
	var results []feedback.Result
	err := db.tx(ctx, "apply feedback", func(tx pgx.Tx) error {
		list, err := resolveFeedback(ctx, tx, events)
		if err != nil {
			return err
		}
		known := slices.DeleteFunc(slices.Clone(list), func(r *returned) bool { return r.publication == 0 })
		if err := db.settleReturned(ctx, tx, known); err != nil {
			return err
		}
		if err := db.suppressReturned(ctx, tx, events, list); err != nil {
			return err
		}
		results = column(list, func(r *returned) feedback.Result { return r.result })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// resolveFeedback finds the internal ids; an event of a publication or channel that is not known here has none.
func resolveFeedback(ctx context.Context, tx pgx.Tx, events []feedback.Event) ([]*returned, error) {
	rows, err := tx.Query(ctx, `SELECT uid, id FROM publication WHERE uid = ANY($1)`,
		column(events, func(e feedback.Event) string { return e.Publication.String() }))
	if err != nil {
		return nil, err
	}
	ids := make(map[ident.UID]int64)
	var uid ident.UID
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&uid, &id}, func() error { ids[uid] = id; return nil }); err != nil {
		return nil, err
	}
	list := make([]*returned, len(events))
	for i, e := range events {
		r := &returned{key: e.Key, kind: e.Kind, at: e.At, cause: e.Cause, kept: e.Kept, result: feedback.Unknown}
		if kind := channel.Kind(e.Channel); slices.Contains(channel.Kinds(), kind) {
			r.ledgerKey = ledgerKey{ids[e.Publication], kind.ID(), e.Recipient}
		}
		list[i] = r
	}
	return list, nil
}

// toSuppress is an address that is to be put on the list, and on account of which publication.
type toSuppress struct {
	address     string
	publication int64
	entry       suppression.Entry
}

// suppressReturned puts the addresses of bounces and complaints on the list, early ones too: it does not matter to the
// address what became of the delivery. So it does those that have bounced softly too often. events have the addresses; there
// are none of what was waiting.
func (db *DB) suppressReturned(ctx context.Context, tx pgx.Tx, events []feedback.Event, list []*returned) error {
	var all []toSuppress
	for i, e := range events {
		reason := suppression.Bounce
		if e.Kind == feedback.Complained {
			reason = suppression.Complaint
		}
		if list[i].result == feedback.Unknown {
			continue
		}
		for _, address := range e.Suppress {
			all = append(all, toSuppress{address, list[i].publication, suppression.Entry{Reason: reason, Source: e.Source}})
		}
	}
	soft, err := softTooOften(ctx, tx, list)
	if err != nil {
		return err
	}
	return db.suppressAll(ctx, tx, append(all, soft...))
}

// suppressAll is called once in a transaction.
func (db *DB) suppressAll(ctx context.Context, tx pgx.Tx, all []toSuppress) error {
	if len(all) == 0 {
		return nil
	}
	if err := consenting(ctx, tx, consent.Reported); err != nil {
		return err
	}
	// Who lists the same addresses in another order waits, instead of deadlocking.
	slices.SortStableFunc(all, func(a, b toSuppress) int { return cmp.Compare(a.address, b.address) })
	if err := beginListing(ctx, tx, column(all, func(l toSuppress) string { return l.address })...); err != nil {
		return err
	}
	for _, l := range all {
		if _, err := db.suppress(ctx, tx, l.address, l.publication, &l.entry); err != nil {
			return err
		}
	}
	return nil
}

const waitingFeedback = `
SELECT key, publication_id, channel_id, recipient_id, kind, at FROM feedback
WHERE next_at <= clock_timestamp() ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED`

// forgetWaiting ends the wait of what was applied, and of what has waited for a day. What still waits is looked at less
// and less often.
const forgetWaiting = `
WITH gone AS (
    DELETE FROM feedback WHERE key = ANY($1) OR key = ANY($2) AND created_at < clock_timestamp() - interval '1 day'
           OR key = ANY($3) AND created_at < clock_timestamp() - interval '15 seconds'
    RETURNING key
)
UPDATE feedback SET next_at = clock_timestamp() + greatest(interval '1 second', (clock_timestamp() - created_at) / 2)
WHERE (key = ANY($2) OR key = ANY($3)) AND key NOT IN (SELECT key FROM gone)`

// SweepFeedback applies what came early; see feedback.Store.
func (db *DB) SweepFeedback(ctx context.Context, limit int) (int, error) {
	looked := 0
	err := db.tx(ctx, "sweep feedback", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, waitingFeedback, limit)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*returned, error) {
			var r returned
			var key []byte
			err := row.Scan(&key, &r.publication, &r.channel, &r.recipient, &r.kind, &r.at)
			copy(r.key[:], key)
			return &r, err
		})
		if looked = len(list); err != nil || looked == 0 {
			return err
		}
		return db.applyWaiting(ctx, tx, list)
	})
	return looked, err
}

func (db *DB) applyWaiting(ctx context.Context, tx pgx.Tx, list []*returned) error {
	var events []*returned
	var done, waiting, recounts [][]byte
	for _, r := range list {
		if r.kind == recountKind {
			recounts = append(recounts, r.key[:])
		} else {
			events = append(events, r)
		}
	}
	closed, err := holdClosed(ctx, tx, returnedKeys(list)) // those of events as well, in one order
	if err != nil {
		return err
	}
	if err := db.settleReturned(ctx, tx, events); err != nil {
		return err
	}
	for _, r := range events {
		switch {
		case r.result == feedback.Early:
			waiting = append(waiting, r.key[:])
		case r.kind != feedback.SoftBounced || r.result == feedback.Unknown: // that of a counted one stays, so that it is not counted again
			done = append(done, r.key[:])
		}
	}
	if err := recount(ctx, tx, closed); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, forgetWaiting, done, waiting, recounts); err != nil {
		return err
	}
	return db.suppressReturned(ctx, tx, nil, events)
}

// returnedKeys is the rows' keys as the arrays that unnest takes, in the order of the keys: transactions that settle the same
// rows wait for each other instead of deadlocking.
func returnedKeys(list []*returned) outcomeColumns {
	slices.SortFunc(list, func(x, y *returned) int {
		return cmp.Or(cmp.Compare(x.publication, y.publication), cmp.Compare(x.channel, y.channel), cmp.Compare(x.recipient, y.recipient))
	})
	return outcomeColumns{
		publication: column(list, func(r *returned) int64 { return r.publication }),
		channel:     column(list, func(r *returned) int16 { return r.channel }),
		recipient:   column(list, func(r *returned) int64 { return r.recipient }),
	}
}

// feedbackKept is longer than anybody sends an event again: SQS keeps it for 14 days at most.
const feedbackKept = 30 * 24 * time.Hour

// purgeFeedback forgets at most limit soft bounces that were counted before: nobody sends them again by then.
func (db *DB) purgeFeedback(ctx context.Context, before time.Time, limit int) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM feedback WHERE key IN (
			SELECT key FROM feedback WHERE created_at < $1 AND next_at IS NULL ORDER BY created_at LIMIT $2)`, before, limit)
	return tag.RowsAffected(), translate(err, "forget feedback")
}
