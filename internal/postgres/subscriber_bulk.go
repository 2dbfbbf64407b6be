package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// BulkSubscribers makes, changes and deletes subscribers, in one transaction. What becomes of each item is what would have
// become of it if they had come one after the other, as CreateSubscriber, UpdateSubscriber and DeleteSubscriber. With the
// call's key it may be repeated.
func (db *DB) BulkSubscribers(ctx context.Context, call bulk.Call, items []subscriber.Item) (bulk.Result, error) {
	return db.bulk(ctx, "change subscribers in bulk", call, func(tx pgx.Tx) ([]bulk.Outcome, error) {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return nil, err
		}
		before, err := lockSubscribers(ctx, tx, items)
		if err != nil {
			return nil, err
		}
		outcomes, addresses, err := changeSubscribers(ctx, tx, items, before)
		if err != nil {
			return nil, err
		}
		return outcomes, db.honourAll(ctx, tx, addresses)
	})
}

// lockSubscribers is those whom the items are about. Everybody locks them in the same order, so that of two calls one waits
// for the other.
func lockSubscribers(ctx context.Context, tx pgx.Tx, items []subscriber.Item) (map[ident.UID]subscriber.Subscriber, error) {
	var uids []ident.UID
	for _, i := range items {
		if i.Err == nil && i.Action != bulk.Create {
			uids = append(uids, i.UID)
		}
	}
	before := make(map[ident.UID]subscriber.Subscriber, len(uids))
	if len(uids) == 0 {
		return before, nil
	}
	rows, err := tx.Query(ctx, selectSubscriber+`
		WHERE s.uid = ANY($1) AND s.email NOT LIKE '%@deleted.invalid' ORDER BY s.id FOR UPDATE OF s`, uids)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subscriber.Subscriber, error) { return scanSubscriber(row) })
	for _, s := range list {
		before[s.UID] = s
	}
	return before, err
}

// changeSubscribers does the items, and returns the addresses that somebody has now who had them not. Items that have nothing
// to do with each other are done together, in a few statements. Others, and those of which one met an address that was taken
// at this moment, are done in turn.
func changeSubscribers(
	ctx context.Context, tx pgx.Tx, items []subscriber.Item, before map[ident.UID]subscriber.Subscriber,
) (outcomes []bulk.Outcome, addresses []string, err error) {
	if subscriber.Apart(items, before) {
		together := &subscribersTogether{items: items, before: before}
		refused, err := behindSavepoint(ctx, tx, "change subscribers", func(tx pgx.Tx) error { return together.run(ctx, tx) })
		if err != nil || refused == nil {
			return together.outcomes, together.addresses, err
		}
	}
	return subscribersInTurn(ctx, tx, items)
}

// subscribersInTurn does one item after the other, each behind a savepoint.
func subscribersInTurn(ctx context.Context, tx pgx.Tx, items []subscriber.Item) ([]bulk.Outcome, []string, error) {
	outcomes := make([]bulk.Outcome, len(items))
	var addresses []string
	for n, i := range items {
		if i.Err != nil {
			outcomes[n] = bulk.Outcome{UID: i.UID, Err: i.Err}
			continue
		}
		var s subscriber.Subscriber
		var moved bool
		refused, err := behindSavepoint(ctx, tx, "change a subscriber", func(tx pgx.Tx) (err error) {
			s, moved, err = oneSubscriber(ctx, tx, i)
			return err
		})
		switch {
		case err != nil:
			return nil, nil, err
		case refused != nil:
			outcomes[n] = bulk.Outcome{UID: i.UID, Err: refused}
		default:
			outcomes[n] = bulk.Outcome{UID: s.UID, Version: s.Version}
			if moved {
				addresses = append(addresses, s.Email)
			}
		}
	}
	return outcomes, addresses, nil
}

// oneSubscriber does an item. moved says that the address is a new one.
func oneSubscriber(ctx context.Context, tx pgx.Tx, i subscriber.Item) (s subscriber.Subscriber, moved bool, err error) {
	switch i.Action {
	case bulk.Create:
		s = i.New
		s.UID = ident.New()
		err = createSubscriber(ctx, tx, &s)
		return s, true, err
	case bulk.Update:
		return updateSubscriber(ctx, tx, i.UID, i.Change)
	default:
		return subscriber.Subscriber{UID: i.UID}, false, deleteSubscriber(ctx, tx, i.UID, i.Check)
	}
}

// takenAddresses is which of some addresses somebody has.
func takenAddresses(ctx context.Context, tx pgx.Tx, addresses []string) (map[string]bool, error) {
	rows, err := tx.Query(ctx, `SELECT email FROM subscriber WHERE email = ANY($1)`, addresses)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	has := make(map[string]bool, len(list))
	for _, address := range list {
		has[address] = true
	}
	return has, err
}

func errTakenSubscriber() error {
	return fault.New(fault.Conflict, "already_exists", takenSubscriber)
}

// byAddress sorts in the order in which addresses are stored, the same everywhere: of two calls one waits for the other.
func byAddress(list []written) {
	slices.SortFunc(list, func(a, b written) int { return strings.Compare(a.s.Email, b.s.Email) })
}
