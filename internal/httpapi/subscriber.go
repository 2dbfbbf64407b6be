package httpapi

import (
	"cmp"
	"context"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/tally"
)

// SubscriberStore keeps subscribers and notes in the audit log who looked at them.
type SubscriberStore interface {
	TotalSubscribers(ctx context.Context, f subscriber.Filter) (tally.Total, error)
	SubscriberBulkStore
	EraseStore
	PersonStore
	CreateSubscriber(ctx context.Context, s subscriber.Subscriber) (subscriber.Subscriber, error)
	Subscriber(ctx context.Context, uid ident.UID) (subscriber.Subscriber, error)
	UpdateSubscriber(
		ctx context.Context, uid ident.UID, change func(subscriber.Subscriber) (subscriber.Change, error),
	) (subscriber.Subscriber, error)
	DeleteSubscriber(ctx context.Context, uid ident.UID, check func(subscriber.Subscriber) error) error
	ListSubscribers(ctx context.Context, f subscriber.Filter, after subscriber.Position, limit int) ([]subscriber.Subscriber, error)
	RecordAccess(ctx context.Context, verb string, uid ident.UID, count int) error
	BeginImport(ctx context.Context, run subscriber.Run) (subscriber.Run, error)
	Import(ctx context.Context, run subscriber.Run, lines []subscriber.Subscriber) (subscriber.Run, error)
	EndImport(ctx context.Context, run subscriber.Run) error
	ImportRun(ctx context.Context, uid ident.UID) (subscriber.Run, error)
	AttributeNames(ctx context.Context, limit int) ([]string, error)
}

type subscribers struct {
	store  SubscriberStore
	sealer Sealer
	log    *zap.Logger
	// importing has an element for each import in hand.
	importing chan struct{}
}

func registerSubscribers(r gin.IRouter, d Deps) {
	h := subscribers{d.Subscribers, d.Sealer, d.Log, make(chan struct{}, importsAtOnce)}
	r.GET("/subscribers", handle(h.list))
	r.POST("/subscribers", handle(h.create))
	r.GET("/subscribers/export", handleStream(h.export))
	r.POST("/subscribers/import", handleStream(h.importCSV))
	r.GET("/subscribers/imports/:id", handle(h.getImport))
	r.GET("/subscribers/:id", handle(h.get))
	r.PUT("/subscribers/:id", handle(h.update))
	r.DELETE("/subscribers/:id", handle(h.delete))
	h.registerBulk(r, d)
	h.registerData(r)
	h.registerErase(r)
}

// sourceAPI is the consent source of a subscriber whom a client makes without naming one.
const sourceAPI = "api"

func showSubscriber(s subscriber.Subscriber) wire.Subscriber {
	return wire.Subscriber{
		ID: s.UID, Email: s.Email, Name: s.Name, Language: s.Language, Timezone: s.Timezone, Country: s.Country, Status: wire.SubscriberStatus(s.Status),
		Topics: s.Topics, Attributes: s.Attributes, ConsentSource: s.ConsentSource,
		ConsentAt: utc(s.ConsentAt), RevokedAt: utc(s.RevokedAt), Version: s.Version,
		CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
}

func (h subscribers) list(c *gin.Context) error {
	p, err := readBounds(c, append(filterNames(), "cursor")...)
	if err != nil {
		return err
	}
	filter, err := readFilter(c)
	if err != nil {
		return err
	}
	after, err := h.readPosition(c, filter)
	if err != nil {
		return err
	}
	rows, err := h.store.ListSubscribers(c.Request.Context(), filter, after, p.Limit+1)
	if err != nil {
		return err
	}
	if err := h.store.RecordAccess(c.Request.Context(), "list", ident.UID{}, min(len(rows), p.Limit)); err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalSubscribers(ctx, filter) }); err != nil {
		return err
	}
	return answerRows(c, p, rows, func(s subscriber.Subscriber) string { return h.position(filter, s) }, showSubscriber)
}

func newSubscriber(in wire.SubscriberInput) (subscriber.Subscriber, error) {
	in.ConsentSource = cmp.Or(in.ConsentSource, sourceAPI)
	return subscriber.New(subscriberOf(in))
}

func (h subscribers) create(c *gin.Context) error {
	s, err := parsed[wire.SubscriberInput](c, limitSubscriber, newSubscriber)
	if err != nil {
		return err
	}
	if s, err = h.store.CreateSubscriber(c.Request.Context(), s); err != nil {
		return err
	}
	return created(c, s.UID, s.Version, showSubscriber(s))
}

func (h subscribers) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	s, err := h.store.Subscriber(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	if err := h.store.RecordAccess(c.Request.Context(), "read", uid, 1); err != nil {
		return err
	}
	return shownOnce(c, s.Version, showSubscriber(s))
}

// update replaces a subscriber. Left out, status and consent source stay; all else gets its default.
func (h subscribers) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	in, err := decode[wire.SubscriberInput](c, limitSubscriber, parsing(newSubscriber))
	if err != nil {
		return err
	}
	s, err := h.store.UpdateSubscriber(c.Request.Context(), uid, func(before subscriber.Subscriber) (subscriber.Change, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return subscriber.Change{}, err
		}
		return before.Change(subscriberOf(in))
	})
	if err != nil {
		return err
	}
	return found(c, s.Version, showSubscriber(s))
}

func (h subscribers) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	err = h.store.DeleteSubscriber(c.Request.Context(), uid, func(before subscriber.Subscriber) error {
		return ifMatch(c, before.Version)
	})
	if err != nil {
		return err
	}
	return gone(c)
}
