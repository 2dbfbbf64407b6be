package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/subscriber"
)

// SubscriberBulkStore changes many subscribers at once.
type SubscriberBulkStore interface {
	BulkStore
	BulkSubscribers(ctx context.Context, call bulk.Call, items []subscriber.Item) (bulk.Result, error)
}

type subscriberBulk struct {
	store SubscriberBulkStore
	route bulkRoute
}

// changeAll makes, changes and deletes subscribers: 200 with a report.
func (h subscriberBulk) changeAll(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	in, err := decode[wire.SubscriberChanges](c, limitBulk, h.check)
	if err != nil {
		return err
	}
	heads := subscriberHeads(in)
	call, answered, err := h.route.read(c, in, bulk.Mode(in.Mode), heads, func() error { return h.check(in) })
	if err != nil || answered {
		return err
	}
	items := make([]subscriber.Item, len(heads))
	for n, head := range heads {
		if call.errs[n] == nil {
			if items[n], err = head.subscriber(in.Items[n].Subscriber); err != nil {
				call.refuse(n, err)
			}
		}
		items[n].UID, items[n].Err = head.id, call.errs[n]
	}
	if call.hopeless() {
		call.refused(c, nil)
		return nil
	}
	r, err := h.store.BulkSubscribers(c.Request.Context(), call.Call, items)
	if err != nil {
		return err
	}
	return call.answer(c, r)
}

func subscriberHeads(in wire.SubscriberChanges) []bulkItem {
	heads := make([]bulkItem, 0, len(in.Items))
	for _, i := range in.Items {
		heads = append(heads, bulkItem{bulk.Action(i.Action), i.ID, i.Version, i.Subscriber != nil})
	}
	return heads
}

// check says what is wrong with the items by themselves.
func (h subscriberBulk) check(in wire.SubscriberChanges) error {
	heads := subscriberHeads(in)
	return h.route.check(bulk.Mode(in.Mode), heads, func(n int) error {
		_, err := heads[n].subscriber(in.Items[n].Subscriber)
		return err
	})
}

// subscriber is an item that is in order: what create, update and delete would do with it.
func (i bulkItem) subscriber(in *wire.SubscriberInput) (subscriber.Item, error) {
	item := subscriber.Item{Action: i.action}
	if i.action == bulk.Delete {
		item.Check = func(before subscriber.Subscriber) error { return i.matches(before.Version) }
		return item, nil
	}
	given := *in
	if i.action == bulk.Create && given.ConsentSource == "" {
		given.ConsentSource = sourceAPI
	}
	s, err := subscriber.New(subscriberOf(given))
	item.New, item.Email = s, s.Email
	item.Change = func(before subscriber.Subscriber) (subscriber.Change, error) {
		if err := i.matches(before.Version); err != nil {
			return subscriber.Change{}, err
		}
		return before.Change(subscriberOf(given))
	}
	return item, err
}

// subscriberOf is what a client gave, as the domain reads it.
func subscriberOf(in wire.SubscriberInput) subscriber.Input {
	return subscriber.Input{
		Email: in.Email, Name: in.Name, Language: in.Language, Timezone: in.Timezone, Country: in.Country, Status: string(in.Status),
		Topics: in.Topics, Attributes: in.Attributes, ConsentSource: in.ConsentSource,
	}
}

// registerBulk has the route for many subscribers.
func (h subscribers) registerBulk(r gin.IRouter, d Deps) {
	many := subscriberBulk{h.store, bulkRoute{store: h.store, log: d.Log, noun: "subscriber",
		most: bulk.MaxSubscribers, perUnit: subscribersPerUnit, made: http.StatusCreated, charge: d.Limits.charge}}
	r.POST("/subscribers/bulk", handle(many.changeAll))
}
