package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// BrandStore keeps brands.
type BrandStore interface {
	TotalBrands(ctx context.Context) (tally.Total, error)
	CreateBrand(ctx context.Context, b brand.Brand) (brand.Brand, error)
	Brand(ctx context.Context, uid ident.UID) (brand.Brand, error)
	UpdateBrand(ctx context.Context, b brand.Brand, check func(version int) error) (brand.Brand, error)
	DeleteBrand(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListBrands(ctx context.Context, after int64, limit int) ([]brand.Brand, error)
}

type brands struct{ store BrandStore }

func registerBrands(r gin.IRouter, d Deps) {
	h := brands{d.Brands}
	r.GET("/brands", handle(h.list))
	r.POST("/brands", handle(h.create))
	r.GET("/brands/:id", handle(h.get))
	r.PUT("/brands/:id", handle(h.update))
	r.DELETE("/brands/:id", handle(h.delete))
}

func showBrand(b brand.Brand) wire.Brand {
	return wire.Brand{
		ID: b.UID, Slug: b.Slug, Name: b.Name, Logo: b.Logo, Color: b.Color, TextColor: b.TextColor(), LinkColor: b.LinkColor,
		PostalAddress: b.PostalAddress, WebsiteURL: b.WebsiteURL, PrivacyURL: b.PrivacyURL, ImprintURL: b.ImprintURL,
		SupportEmail: b.SupportEmail, Language: b.Language, SenderID: optionalID(b.Sender), Version: b.Version, CreatedAt: b.CreatedAt.UTC(),
	}
}

// brandOf reads a body, whose meaning check says.
func brandOf(check func(brand.Brand) (brand.Brand, error)) func(wire.BrandInput) (brand.Brand, error) {
	return func(in wire.BrandInput) (brand.Brand, error) {
		from, wrong := namedID("/sender_id", in.SenderID)
		b, err := check(brand.Brand{
			Slug: in.Slug, Name: in.Name, Logo: in.Logo, Color: in.Color, LinkColor: in.LinkColor, PostalAddress: in.PostalAddress,
			WebsiteURL: in.WebsiteURL, PrivacyURL: in.PrivacyURL, ImprintURL: in.ImprintURL, SupportEmail: in.SupportEmail,
			Language: in.Language, Sender: from,
		})
		return b, joined(err, wrong)
	}
}

func (h brands) list(c *gin.Context) error {
	p, err := readPage(c, "brands")
	if err != nil {
		return err
	}
	rows, err := h.store.ListBrands(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalBrands); err != nil {
		return err
	}
	return answerPage(c, "brands", p, rows, func(b brand.Brand) int64 { return int64(b.ID) }, showBrand)
}

func (h brands) create(c *gin.Context) error {
	b, err := parsed[wire.BrandInput](c, limitOther, brandOf(brand.Brand.CheckNew))
	if err != nil {
		return err
	}
	if b, err = h.store.CreateBrand(c.Request.Context(), b); err != nil {
		return err
	}
	return created(c, b.UID, b.Version, showBrand(b))
}

func (h brands) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	b, err := h.store.Brand(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shown(c, b.Version, showBrand(b))
}

func (h brands) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	b, err := parsed[wire.BrandInput](c, limitOther, brandOf(brand.Brand.Check))
	if err != nil {
		return err
	}
	b.UID = uid
	if b, err = h.store.UpdateBrand(c.Request.Context(), b, matching(c)); err != nil {
		return err
	}
	return found(c, b.Version, showBrand(b))
}

func (h brands) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteBrand(c.Request.Context(), uid, matching(c)); err != nil {
		return err
	}
	return gone(c)
}
