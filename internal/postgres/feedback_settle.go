package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/feedback"
)

// meaning of a kind of event: the state that it settles a delivery in, and how it is counted, if it is.
type meaning struct {
	state  delivery.State
	reason delivery.Reason
	count  analytics.Kind
}

// meaningOf is what an event says. That there was a soft bounce says that the provider had the mail.
func meaningOf(kind feedback.Kind) meaning {
	switch kind {
	case feedback.Delivered:
		return meaning{state: delivery.Delivered, count: analytics.Delivered}
	case feedback.Bounced:
		return meaning{state: delivery.Bounced, count: analytics.Bounce}
	case feedback.Complained:
		return meaning{state: delivery.Complained, count: analytics.Complaint}
	case feedback.Rejected:
		return meaning{state: delivery.Failed, reason: delivery.Rejected}
	case feedback.SoftBounced:
		return meaning{state: delivery.Sent, count: analytics.SoftBounce}
	default:
		return meaning{state: delivery.Sent}
	}
}

// from is the states that the event may change: never that of a delivery that is owed, which is for its sender to settle.
func (m meaning) from() []int16 {
	var list []int16
	for _, s := range []delivery.State{delivery.Sent, delivery.Delivered, delivery.Uncertain} {
		if delivery.May(s, m.state) {
			list = append(list, int16(s))
		}
	}
	return list
}

// settleByEvent keeps when a delivery was sent; what was uncertain is settled now.
const settleByEvent = `
UPDATE delivery d SET state = $4, reason = $5, settled_at = CASE WHEN x.was = 7 THEN clock_timestamp() ELSE d.settled_at END
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS i (publication_id, channel_id, recipient_id),
     LATERAL (SELECT k.ctid AS tid, k.tableoid AS part, k.state AS was FROM delivery k
              WHERE k.publication_id = i.publication_id AND k.channel_id = i.channel_id
                AND k.recipient_id = i.recipient_id AND k.state = ANY($6::smallint[]) OFFSET 0) x
WHERE d.ctid = x.tid AND d.tableoid = x.part AND d.publication_id BETWEEN $7 AND $8 AND d.state = ANY($6)
RETURNING d.publication_id, d.channel_id, d.recipient_id, x.was, d.attempt, coalesce(d.session_id, 0)`

const statesOfDeliveries = `
SELECT k.publication_id, k.channel_id, k.recipient_id, k.state
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS i (publication_id, channel_id, recipient_id),
     LATERAL (SELECT * FROM delivery d WHERE d.publication_id = i.publication_id AND d.channel_id = i.channel_id
                AND d.recipient_id = i.recipient_id OFFSET 0) k`

// turned is a delivery that an event changed.
type turned struct {
	was     delivery.State
	attempt int16
	session int64
}

// settleReturned applies events to the ledger, those of an earlier kind first, and sets each one's result.
func (db *DB) settleReturned(ctx context.Context, tx pgx.Tx, list []*returned) error {
	closed, err := holdCounted(ctx, tx, list)
	if err != nil {
		return err
	}
	var changed []*returned // whose batch counts otherwise now
	for _, kind := range feedback.Kinds() {
		of := slices.DeleteFunc(slices.Clone(list), func(r *returned) bool { return r.kind != kind })
		if len(of) == 0 {
			continue
		}
		more, err := db.settleKind(ctx, tx, meaningOf(kind), of)
		if err != nil {
			return err
		}
		changed = append(changed, more...)
	}
	if err := judgeRest(ctx, tx, list); err != nil {
		return err
	}
	if err := countReturned(ctx, tx, list); err != nil {
		return err
	}
	if err := keepEarly(ctx, tx, list); err != nil {
		return err
	}
	if err := recount(ctx, tx, closed); err != nil {
		return err
	}
	return keepRecounts(ctx, tx, changed)
}

// holdCounted locks the closed batches that these events may make count otherwise. Who becomes uncertain after it looked is
// of a batch that is not closed yet, and is counted later.
func holdCounted(ctx context.Context, tx pgx.Tx, list []*returned) ([]int64, error) {
	states, err := statesOf(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	may := slices.DeleteFunc(slices.Clone(list), func(r *returned) bool {
		return states[r.ledgerKey] != delivery.Uncertain && meaningOf(r.kind).state != delivery.Failed
	})
	if len(may) == 0 {
		return nil, nil
	}
	return holdClosed(ctx, tx, returnedKeys(may))
}

// statesOf is the states of the rows that are in the ledger.
func statesOf(ctx context.Context, tx pgx.Tx, list []*returned) (map[ledgerKey]delivery.State, error) {
	states := make(map[ledgerKey]delivery.State)
	if len(list) == 0 {
		return states, nil
	}
	k := returnedKeys(list)
	rows, err := tx.Query(ctx, statesOfDeliveries, k.publication, k.channel, k.recipient)
	if err != nil {
		return nil, err
	}
	var at ledgerKey
	var state delivery.State
	_, err = pgx.ForEachRow(rows, []any{&at.publication, &at.channel, &at.recipient, &state}, func() error {
		states[at] = state
		return nil
	})
	return states, err
}

// settleKind applies the events of one kind and returns those by which a batch counts otherwise.
func (db *DB) settleKind(ctx context.Context, tx pgx.Tx, m meaning, list []*returned) ([]*returned, error) {
	k := returnedKeys(list)
	rows, err := tx.Query(ctx, settleByEvent, k.publication, k.channel, k.recipient, int16(m.state), int16(m.reason), m.from(),
		k.first(), k.last())
	if err != nil {
		return nil, err
	}
	did := make(map[ledgerKey]turned)
	var at ledgerKey
	var s turned
	_, err = pgx.ForEachRow(rows, []any{&at.publication, &at.channel, &at.recipient, &s.was, &s.attempt, &s.session}, func() error {
		did[at] = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	var changed []*returned
	var settled []delivery.Outcome
	for _, r := range list {
		s, ok := did[r.ledgerKey]
		if !ok {
			continue
		}
		delete(did, r.ledgerKey) // a second event that says the same changes nothing
		r.result = feedback.Applied
		r.proves = r.kind == feedback.Complained && s.was != delivery.Delivered && !r.kept
		if s.was == delivery.Uncertain || m.state == delivery.Failed {
			changed = append(changed, r)
		}
		o := outcomeOf(m, r, s)
		if err := noteEvidence(ctx, tx, o, s); err != nil {
			return nil, err
		}
		settled = append(settled, o)
	}
	return changed, db.announceSettled(ctx, tx, settled)
}

// outcomeOf is what an event made of a delivery.
func outcomeOf(m meaning, r *returned, s turned) delivery.Outcome {
	o := delivery.Outcome{Publication: r.publication, Channel: r.channel, Recipient: r.recipient, State: m.state,
		Attempt: s.attempt, Reason: m.reason}
	if m.state == delivery.Failed {
		o.Dead = delivery.RejectedLetter(r.channel, r.cause)
		o.Cause = &delivery.Cause{Kind: o.Dead.Kind, Code: o.Dead.Code, Error: o.Dead.Error}
	}
	return o
}

// noteEvidence writes down what was learned of an attempt whose outcome was not known, or was taken for a success.
func noteEvidence(ctx context.Context, tx pgx.Tx, o delivery.Outcome, s turned) error {
	if s.was != delivery.Uncertain && o.State != delivery.Failed {
		return nil
	}
	if err := insertDead(ctx, tx, outcomesOf([]delivery.Outcome{o}).dead); err != nil {
		return err
	}
	return addAttempts(ctx, tx, s.session, true, []delivery.Outcome{o})
}

// judgeRest finds out why the other events changed nothing. One whose delivery is owed came early. So did one that would
// have changed what it finds now: somebody else was settling the row just then, and the statement passed over it.
func judgeRest(ctx context.Context, tx pgx.Tx, list []*returned) error {
	rest := slices.DeleteFunc(slices.Clone(list), func(r *returned) bool { return r.result == feedback.Applied })
	if len(rest) == 0 {
		return nil
	}
	states, err := statesOf(ctx, tx, rest)
	if err != nil {
		return err
	}
	for _, r := range rest {
		state, known := states[r.ledgerKey]
		switch {
		case !known:
			r.result = feedback.Unknown
		case !state.Settled() || slices.Contains(meaningOf(r.kind).from(), int16(state)):
			r.result = feedback.Early
		default:
			r.result = feedback.Repeated
		}
	}
	return nil
}
