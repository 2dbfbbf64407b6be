package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/tally"
)

// SenderStore keeps sender identities.
type SenderStore interface {
	TotalSenders(ctx context.Context) (tally.Total, error)
	CreateSender(ctx context.Context, i sender.Identity) (sender.Identity, error)
	Sender(ctx context.Context, uid ident.UID) (sender.Identity, error)
	UpdateSender(ctx context.Context, i sender.Identity, check func(version int) error) (sender.Identity, error)
	DeleteSender(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListSenders(ctx context.Context, after int64, limit int) ([]sender.Identity, error)
}

type senders struct {
	store  SenderStore
	checks SenderChecks
}

func registerSenders(r gin.IRouter, d Deps) {
	h := senders{d.Senders, d.SenderChecks}
	r.GET("/senders", handle(h.list))
	r.POST("/senders", handle(h.create))
	r.GET("/senders/failing", handle(h.failing))
	r.GET("/senders/:id", handle(h.get))
	r.PUT("/senders/:id", handle(h.update))
	r.DELETE("/senders/:id", handle(h.delete))
	r.POST("/senders/:id/verify", handle(h.verify))
	r.GET("/senders/:id/verification", handle(h.verification))
}

func showSender(i sender.Identity) wire.Sender {
	return wire.Sender{
		ID: i.UID, Name: i.Name, FromName: i.FromName, FromEmail: i.FromEmail, ReplyTo: i.ReplyTo,
		PostalAddress: i.PostalAddress, Default: i.Default, BrandID: optionalID(i.Brand), Version: i.Version, CreatedAt: i.CreatedAt.UTC(),
	}
}

// readSender reads and checks a body.
func readSender(c *gin.Context) (sender.Identity, error) {
	return parsed[wire.SenderInput](c, limitOther, senderOf)
}

func senderOf(in wire.SenderInput) (sender.Identity, error) {
	of, wrong := namedID("/brand_id", in.BrandID)
	i, err := sender.Identity{
		Name: in.Name, FromName: in.FromName, FromEmail: in.FromEmail, ReplyTo: in.ReplyTo,
		PostalAddress: in.PostalAddress, Default: in.Default, Brand: of,
	}.Check()
	return i, joined(err, wrong)
}

func (h senders) list(c *gin.Context) error {
	p, err := readPage(c, "senders")
	if err != nil {
		return err
	}
	rows, err := h.store.ListSenders(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalSenders); err != nil {
		return err
	}
	return answerPage(c, "senders", p, rows, func(i sender.Identity) int64 { return int64(i.ID) }, showSender)
}

func (h senders) create(c *gin.Context) error {
	i, err := readSender(c)
	if err != nil {
		return err
	}
	if i, err = h.store.CreateSender(c.Request.Context(), i); err != nil {
		return err
	}
	return created(c, i.UID, i.Version, showSender(i))
}

func (h senders) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	i, err := h.store.Sender(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shown(c, i.Version, showSender(i))
}

func (h senders) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	i, err := readSender(c)
	if err != nil {
		return err
	}
	i.UID = uid
	if i, err = h.store.UpdateSender(c.Request.Context(), i, matching(c)); err != nil {
		return err
	}
	return found(c, i.Version, showSender(i))
}

func (h senders) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteSender(c.Request.Context(), uid, matching(c)); err != nil {
		return err
	}
	return gone(c)
}
