package pages

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/telemetry"
)

// Brands knows the faces of the organisation. Both are NotFound if there is none.
type Brands interface {
	// BrandOf is that of a publication.
	BrandOf(ctx context.Context, publication int64) (brand.Brand, error)
	BrandNamed(ctx context.Context, slug string) (brand.Brand, error)
}

// brand is the one that a page is of, and the zero one without any: that which the address names, as our own letters have it, or
// that of the message in which the link stood. A page is shown without it rather than not at all.
func (p *Pages) brand(r *http.Request) brand.Brand {
	b, err := p.findBrand(r)
	return p.orNone(r, b, err)
}

// orNone is the zero brand for one that was not found, or could not be read.
func (p *Pages) orNone(r *http.Request, b brand.Brand, err error) brand.Brand {
	if err != nil {
		if !fault.Is(err, fault.NotFound) {
			p.Log.Warn("a page is shown without its brand", zap.Error(err), telemetry.CorrelationField(r.Context()))
		}
		return brand.Brand{}
	}
	return b
}

// findBrand is NotFound if there is none.
func (p *Pages) findBrand(r *http.Request) (brand.Brand, error) {
	if name := r.URL.Query().Get("brand"); name != "" {
		return p.brandNamed(r.Context(), name)
	}
	t, err := p.Tokens.Verify(r.PathValue("token"))
	if err != nil || p.Brands == nil {
		return brand.Brand{}, fault.New(fault.NotFound, "no_such_brand", "")
	}
	return p.Brands.BrandOf(r.Context(), t.Publication)
}

// brandNamed is NotFound if there is none.
func (p *Pages) brandNamed(ctx context.Context, name string) (brand.Brand, error) {
	slug, err := canonical.Topic(name)
	if err != nil || p.Brands == nil {
		return brand.Brand{}, fault.New(fault.NotFound, "no_such_brand", "")
	}
	return p.Brands.BrandNamed(ctx, slug)
}

// face is a brand as pages show it.
type face struct {
	brand.Brand
	// Image is where its uploaded logo is, empty for none: pages load nothing from elsewhere.
	Image string
	// Style gives the page its colours; it is empty without any.
	Style template.CSS
}

// faceOf is nil for no brand.
func faceOf(b brand.Brand) *face {
	if b.Name == "" {
		return nil
	}
	f := &face{Brand: b}
	if uid, uploaded := b.LogoAsset(); uploaded {
		f.Image = ImagePath + uid.String()
	}
	style := ""
	if b.Color != "" {
		style = ":root { --color: " + b.Color + "; --on-color: " + b.TextColor() + " }\nbutton:not(.other) { border: 1px solid currentColor }\n"
	}
	if b.LinkColor != "" { // it is chosen for white
		style += "@media (prefers-color-scheme: light) { a { color: " + b.LinkColor + " } }\n"
	}
	f.Style = template.CSS(style) //nolint:gosec // colours were checked when they were stored
	return f
}

// policyOf is the policy of a page with a brand: its colours by the hash of their style, and its logo from ourselves.
func (v *views) policyOf(f *face) string {
	if f == nil {
		return v.policy("", "")
	}
	style, images := "", ""
	if f.Style != "" {
		style = " " + hashOf([]byte(f.Style))
	}
	if f.Image != "" {
		images = "; img-src 'self'"
	}
	return v.policy(style, images)
}

// hashOf lets a style in.
func hashOf(style []byte) string {
	sum := sha256.Sum256(style)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
