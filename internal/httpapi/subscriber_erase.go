package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/tally"
)

// EraseStore takes away what is held about people.
type EraseStore interface {
	EraseSubscriber(ctx context.Context, uid ident.UID, check func(subscriber.Subscriber) error) (subscriber.Erasure, error)
	EraseAddress(ctx context.Context, address string) (subscriber.Erasure, error)
	Erasure(ctx context.Context, uid ident.UID) (subscriber.Erasure, error)
	ListErasures(ctx context.Context, before int64, limit int) ([]subscriber.Erasure, error)
	TotalErasures(ctx context.Context) (tally.Total, error)
}

const erasuresPath = "/api/v1/erasures/"

func (h subscribers) registerErase(r gin.IRouter) {
	r.POST("/subscribers/erase", handle(h.eraseAddress))
	r.POST("/subscribers/:id/erase", handle(h.erase))
	r.GET("/erasures", handle(h.erasures))
	r.GET("/erasures/:id", handle(h.erasure))
}

func showErasure(e subscriber.Erasure) wire.Erasure {
	return wire.Erasure{
		ID: e.UID, State: wire.ErasureState(e.State), Subscriber: e.Subscriber, Messages: e.Messages, Mentions: e.Mentions, Suppressed: e.Suppressed,
		Search:    wire.ErasureSearch{Look: e.Look, Table: e.Table, TablesDone: e.TablesDone, Tables: e.Tables, Rows: e.Read, ResumesAt: e.DueAt.UTC()},
		CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC(), CompletedAt: utc(e.CompletedAt),
	}
}

// erase takes everything away that is held about a subscriber: at once what can be found at once.
func (h subscribers) erase(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	begun, err := h.store.EraseSubscriber(c.Request.Context(), uid, func(s subscriber.Subscriber) error { return ifMatch(c, s.Version) })
	if err != nil {
		return err
	}
	return erasing(c, begun)
}

// eraseAddress is erase for whoever has an address, who may be no subscriber.
func (h subscribers) eraseAddress(c *gin.Context) error {
	address, err := parsed[wire.AddressInput](c, limitOther, func(in wire.AddressInput) (string, error) { return suppression.Parse(in.Email) })
	if err != nil {
		return err
	}
	begun, err := h.store.EraseAddress(c.Request.Context(), address)
	if err != nil {
		return err
	}
	return erasing(c, begun)
}

// erasing answers 202: a scheduler looks for the rest.
func erasing(c *gin.Context, begun subscriber.Erasure) error {
	c.Header("Location", erasuresPath+begun.UID.String())
	c.PureJSON(http.StatusAccepted, showErasure(begun))
	return nil
}

// erasures is newest first.
func (h subscribers) erasures(c *gin.Context) error {
	p, err := readPage(c, "erasures")
	if err != nil {
		return err
	}
	rows, err := h.store.ListErasures(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalErasures); err != nil {
		return err
	}
	return answerPage(c, "erasures", p, rows, func(e subscriber.Erasure) int64 { return e.ID }, showErasure)
}

func (h subscribers) erasure(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	e, err := h.store.Erasure(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shownWhole(c, showErasure(e))
}
