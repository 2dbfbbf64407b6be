package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
)

// DeferredStore counts what is put off of a publication.
type DeferredStore interface {
	CountDeferred(ctx context.Context, uid ident.UID) ([]delivery.DeferredCount, error)
}

type deferred struct{ store DeferredStore }

func registerDeferred(r gin.IRouter, d Deps) {
	r.GET("/publications/:id/deferred", handle(deferred{d.Deferred}.count))
}

func showDeferred(list []delivery.DeferredCount) wire.Deferred {
	body := wire.Deferred{Reasons: make([]wire.DeferredCount, 0, len(list))}
	for _, n := range list {
		body.Total, body.Due = body.Total+n.Count, body.Due+n.Due
		body.Reasons = append(body.Reasons, wire.DeferredCount{Channel: channelName(n.Channel), Reason: wire.DeliveryReason(n.Reason.String()),
			Count: n.Count, Due: n.Due, FirstDueAt: n.First.UTC(), LastDueAt: n.Last.UTC()})
	}
	return body
}

func (h deferred) count(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	list, err := h.store.CountDeferred(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return found(c, 0, showDeferred(list))
}
