package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// EraseStore takes away what is held about people.
type EraseStore interface {
	EraseSubscriber(ctx context.Context, uid ident.UID, check func(subscriber.Subscriber) error) (subscriber.Erased, error)
	EraseAddress(ctx context.Context, address string) (subscriber.Erased, error)
}

func (h subscribers) registerErase(r gin.IRouter) {
	r.POST("/subscribers/erase", handleStream(h.eraseAddress))
	r.POST("/subscribers/:id/erase", handleStream(h.erase))
}

func showErased(e subscriber.Erased) wire.Erasure {
	return wire.Erasure{Subscriber: e.Subscriber, Messages: e.Messages, Mentions: e.Mentions, Suppressed: e.Suppressed}
}

// erase takes everything away that is held about a subscriber.
func (h subscribers) erase(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	done, err := h.store.EraseSubscriber(ctx, uid, func(s subscriber.Subscriber) error { return ifMatch(c, s.Version) })
	if err != nil {
		return err
	}
	return found(c, 0, showErased(done))
}

// eraseAddress is erase for whoever has an address, who may be no subscriber.
func (h subscribers) eraseAddress(c *gin.Context) error {
	address, err := parsed[wire.AddressInput](c, limitOther, func(in wire.AddressInput) (string, error) { return suppression.Parse(in.Email) })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	done, err := h.store.EraseAddress(ctx, address)
	if err != nil {
		return err
	}
	return found(c, 0, showErased(done))
}
