package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
)

// PublicationBulkStore changes many publications at once.
type PublicationBulkStore interface {
	BulkStore
	BulkPublications(ctx context.Context, call bulk.Call, items []publication.Item) (bulk.Result, error)
}

type publicationBulk struct {
	publications
	route bulkRoute
}

// changeAll accepts, changes and deletes publications: 200 with a report. Each is resolved and checked as by itself, before
// anything is written.
func (h publicationBulk) changeAll(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	in, err := decode[wire.PublicationChanges](c, limitBulk, h.check)
	if err != nil {
		return err
	}
	heads := publicationHeads(in)
	call, answered, err := h.route.read(c, in, bulk.Mode(in.Mode), heads, func() error { return h.check(in) })
	if err != nil || answered {
		return err
	}
	items := make([]publication.Item, len(heads))
	for n, head := range heads {
		if call.errs[n] == nil {
			items[n], err = h.item(c.Request.Context(), head, in.Items[n].Publication)
			if err != nil && !fault.Is(err, fault.Invalid) {
				return err
			}
			if err != nil {
				call.refuse(n, err)
			}
		}
		items[n].UID, items[n].Err = head.id, call.errs[n]
	}
	if call.hopeless() {
		call.refused(c, nil)
		return nil
	}
	return h.write(c, call, items)
}

func publicationHeads(in wire.PublicationChanges) []bulkItem {
	heads := make([]bulkItem, 0, len(in.Items))
	for _, i := range in.Items {
		heads = append(heads, bulkItem{bulk.Action(i.Action), i.ID, i.Version, i.Publication != nil})
	}
	return heads
}

// check says what is wrong with the items by themselves.
func (h publicationBulk) check(in wire.PublicationChanges) error {
	return h.route.check(bulk.Mode(in.Mode), publicationHeads(in), func(n int) error {
		return h.meaning(*in.Items[n].Publication)
	})
}

func (h publicationBulk) write(c *gin.Context, call *bulkCall, items []publication.Item) error {
	r, err := h.store.BulkPublications(c.Request.Context(), call.Call, items)
	if err != nil {
		return err
	}
	if r.Done {
		for _, o := range r.Outcomes {
			h.nudged(publication.State(o.State))
		}
	}
	return call.answer(c, r)
}

// item is an item that is in order: what create, update and delete would do with it.
func (h publicationBulk) item(ctx context.Context, head bulkItem, in *wire.PublicationInput) (publication.Item, error) {
	item := publication.Item{Action: head.action, Check: head.matches}
	if head.action == bulk.Delete {
		return item, nil
	}
	resolved, review, err := h.resolve(ctx, requestOf(*in))
	item.New = publication.Submission{Resolved: resolved, Review: review}
	item.Change = publication.Change{Resolved: resolved, Verb: "update", Review: review}
	return item, err
}

// registerBulk has the route for many publications.
func (h publications) registerBulk(r gin.IRouter, d Deps) {
	many := publicationBulk{h, bulkRoute{store: h.store, log: d.Log, noun: "publication",
		most: bulk.MaxPublications, perUnit: publicationsPerUnit, made: http.StatusAccepted, charge: d.Limits.charge}}
	r.POST("/publications/bulk", handle(many.changeAll))
}
