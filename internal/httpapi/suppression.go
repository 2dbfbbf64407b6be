package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/tally"
)

// SuppressionStore keeps the addresses that nothing is sent to any more.
type SuppressionStore interface {
	TotalSuppressions(ctx context.Context) (tally.Total, error)
	Suppress(ctx context.Context, address string, fresh suppression.Entry) (suppression.Entry, bool, error)
	Suppressions(ctx context.Context, address string, after int64, limit int) ([]suppression.Entry, error)
	Suppression(ctx context.Context, uid ident.UID) (suppression.Entry, error)
	Unsuppress(ctx context.Context, uid ident.UID) error
	SuppressionFiles
}

type suppressions struct {
	store SuppressionStore
	log   *zap.Logger
}

// registerSuppressions has the suppression list. Entries do not say whose they are: addresses are kept as hashes. To look
// an address up, it is posted to /suppressions/lookup, so that it stands in no log of a proxy.
func registerSuppressions(r gin.IRouter, d Deps) {
	h := suppressions{d.Suppressions, d.Log}
	r.GET("/suppressions", handle(h.list))
	r.POST("/suppressions", handle(h.create))
	r.POST("/suppressions/lookup", handle(h.lookup))
	r.POST("/suppressions/import", handle(h.importFile))
	r.GET("/suppressions/export", handle(h.export))
	r.GET("/suppressions/:id", handle(h.get))
	r.DELETE("/suppressions/:id", handle(h.delete))
}

func showSuppression(e suppression.Entry) wire.Suppression {
	return wire.Suppression{ID: e.UID, Reason: wire.SuppressionReason(e.Reason.String()), Source: wire.SuppressionSource(e.Source),
		Note: e.Note, PublicationID: e.Publication, CreatedAt: e.CreatedAt.UTC()}
}

func (h suppressions) list(c *gin.Context) error {
	p, err := readPage(c, "suppressions")
	if err != nil {
		return err
	}
	rows, err := h.store.Suppressions(c.Request.Context(), "", p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalSuppressions); err != nil {
		return err
	}
	return answerPage(c, "suppressions", p, rows, func(e suppression.Entry) int64 { return e.ID }, showSuppression)
}

// create answers 201, or 200 with the entry that was there: it may be repeated.
func (h suppressions) create(c *gin.Context) error {
	var fresh suppression.Entry
	address, err := parsed[wire.SuppressionInput](c, limitOther, func(in wire.SuppressionInput) (address string, err error) {
		address, fresh, err = suppression.Manually(in.Email, in.Note)
		return address, err
	})
	if err != nil {
		return err
	}
	entry, added, err := h.store.Suppress(c.Request.Context(), address, fresh)
	if err != nil {
		return err
	}
	if !added {
		return found(c, 0, showSuppression(entry))
	}
	return created(c, entry.UID, 0, showSuppression(entry))
}

// lookup answers with the entry of an address, or with an empty list.
func (h suppressions) lookup(c *gin.Context) error {
	address, err := parsed[wire.AddressInput](c, limitOther, func(in wire.AddressInput) (string, error) { return suppression.Parse(in.Email) })
	if err != nil {
		return err
	}
	rows, err := h.store.Suppressions(c.Request.Context(), address, 0, 1)
	if err != nil {
		return err
	}
	items := []wire.Suppression{}
	for _, e := range rows {
		items = append(items, showSuppression(e))
	}
	c.PureJSON(http.StatusOK, wire.SuppressionPage{Items: items})
	return nil
}

func (h suppressions) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	entry, err := h.store.Suppression(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shownWhole(c, showSuppression(entry))
}

func (h suppressions) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.Unsuppress(c.Request.Context(), uid); err != nil {
		return err
	}
	return gone(c)
}
