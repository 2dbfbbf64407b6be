package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

// settledType is the type of the event that a delivery is in a state; "" while it is owed.
func settledType(s delivery.State) webhook.Type {
	if s == delivery.Pending {
		return ""
	}
	return webhook.Type("delivery." + s.String())
}

// reopenedType is that of one that is owed again.
func reopenedType(delivery.State) webhook.Type { return webhook.DeliveryReopened }

// settles reports whether some of the outcomes are to be told.
func (t *takenTypes) settles(outcomes []delivery.Outcome) bool {
	return t.types != nil && slices.ContainsFunc(outcomes, func(o delivery.Outcome) bool { return t.any(settledType(o.State)) })
}

// announceSettled tells what became of deliveries: only those that the transaction changed.
func (db *DB) announceSettled(ctx context.Context, tx pgx.Tx, outcomes []delivery.Outcome) error {
	return db.announceDeliveries(ctx, tx, settledType, outcomes)
}

// settledRows collects rows of publication, channel, recipient and attempts that a statement settled alike.
func settledRows(rows pgx.Rows, state delivery.State, reason delivery.Reason) ([]delivery.Outcome, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Outcome, error) {
		o := delivery.Outcome{State: state, Reason: reason}
		err := row.Scan(&o.Publication, &o.Channel, &o.Recipient, &o.Attempt)
		return o, err
	})
}

// announceReopened tells that deliveries are owed again.
func (db *DB) announceReopened(ctx context.Context, tx pgx.Tx, changed map[delivery.Key]bool) error {
	list := make([]delivery.Outcome, 0, len(changed))
	for k := range changed {
		list = append(list, delivery.Outcome{Publication: k.Publication, Channel: k.Channel, Recipient: k.Recipient})
	}
	return db.announceDeliveries(ctx, tx, reopenedType, list)
}

func (db *DB) announceDeliveries(ctx context.Context, tx pgx.Tx, typeOf func(delivery.State) webhook.Type, outcomes []delivery.Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	taken, err := db.takers.now(ctx, tx)
	if err != nil {
		return err
	}
	list := slices.DeleteFunc(slices.Clone(outcomes), func(o delivery.Outcome) bool { return !taken.any(typeOf(o.State)) })
	if len(list) == 0 {
		return nil
	}
	who, err := partiesOf(ctx, tx, outcomesOf(list), nil)
	if err != nil {
		return err
	}
	events := make([]webhook.Event, 0, len(list))
	for i, o := range list {
		if who[i].publication.IsZero() {
			continue
		}
		d := webhook.DeliveryData{Publication: who[i].publication, Channel: who[i].channel, Recipient: who[i].recipient,
			State: o.State.String(), Reason: o.Reason.String(), Attempts: int(o.Attempt)}
		if !o.Until.IsZero() {
			until := o.Until.UTC()
			d.Until = &until
		}
		if o.Dead != nil {
			d.ErrorCode = storable(o.Dead.Code)
		}
		events = append(events, webhook.Event{Type: typeOf(o.State), Subject: webhook.RecipientOf(d.Publication, d.Recipient), Data: d})
	}
	return db.tell(ctx, tx, events)
}

// announceReactions tells what recipients did with messages.
func (db *DB) announceReactions(ctx context.Context, tx pgx.Tx, all bool, list ...analytics.Event) error {
	taken, err := db.takers.now(ctx, tx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(e analytics.Event) bool { return !taken.any(reactionType(e.Kind)) })
	if len(list) == 0 {
		return nil
	}
	keys := columnsOfKeys(column(list, func(e analytics.Event) delivery.Key {
		return delivery.Key{Publication: e.Publication, Channel: e.Channel, Recipient: e.Recipient}
	}))
	who, err := partiesOf(ctx, tx, keys, column(list, func(e analytics.Event) int16 { return e.Link }))
	if err != nil {
		return err
	}
	events := make([]webhook.Event, 0, len(list))
	for i, e := range list {
		if who[i].publication.IsZero() {
			continue
		}
		d := webhook.ReactionData{Publication: who[i].publication, Channel: who[i].channel, Recipient: who[i].recipient, Link: who[i].link, All: all}
		events = append(events, webhook.Event{Type: reactionType(e.Kind), Subject: webhook.RecipientOf(d.Publication, d.Recipient), At: e.At, Data: d})
	}
	return db.tell(ctx, tx, events)
}

// reactionType is "" for what providers report, which settles deliveries.
func reactionType(k analytics.Kind) webhook.Type {
	switch k {
	case analytics.Open:
		return webhook.DeliveryOpened
	case analytics.Click:
		return webhook.DeliveryClicked
	case analytics.Unsubscribe:
		return webhook.DeliveryUnsubscribed
	default:
		return ""
	}
}

// parties are whom a row of the ledger is about, by public ids.
type parties struct {
	publication ident.UID  // zero: no more
	recipient   *ident.UID // nil: no more
	channel     string
	link        string
}

// partiesOfRows looks rows up by their keys, as all statements on the ledger do.
const partiesOfRows = `
SELECT coalesce(p.uid, '00000000-0000-0000-0000-000000000000'), coalesce(s.uid, c.uid), coalesce(l.url, '')
FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::smallint[]) WITH ORDINALITY AS i (publication_id, recipient_id, personal, link, n)
LEFT JOIN LATERAL (SELECT k.uid FROM publication k WHERE k.id = i.publication_id OFFSET 0) p ON true
LEFT JOIN LATERAL (SELECT k.uid FROM subscriber k WHERE k.id = i.recipient_id AND i.personal OFFSET 0) s ON true
LEFT JOIN LATERAL (SELECT k.uid FROM channel k WHERE k.id = i.recipient_id AND NOT i.personal OFFSET 0) c ON true
LEFT JOIN LATERAL (SELECT k.url FROM link k WHERE k.publication_id = i.publication_id AND k.n = i.link OFFSET 0) l ON i.link >= 0
ORDER BY i.n`

// partiesOf is the parties of each row, in their order. links are numbers of links, or nil for none.
func partiesOf(ctx context.Context, tx pgx.Tx, c outcomeColumns, links []int16) ([]parties, error) {
	personal, names := make([]bool, len(c.channel)), make([]string, len(c.channel))
	for i, id := range c.channel {
		kind, err := channel.KindOf(id)
		if err != nil {
			return nil, err
		}
		personal[i], names[i] = kind.Personal(), string(kind)
	}
	rows, err := tx.Query(ctx, partiesOfRows, c.publication, c.recipient, personal, links)
	if err != nil {
		return nil, err
	}
	list := make([]parties, 0, len(names))
	for rows.Next() {
		p := parties{channel: names[len(list)]}
		if err := rows.Scan(&p.publication, &p.recipient, &p.link); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}
