package httpapi

import (
	"bytes"
	"context"
	"encoding/hex"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// AssetStore keeps uploaded files.
type AssetStore interface {
	TotalAssets(ctx context.Context) (tally.Total, error)
	CreateAsset(ctx context.Context, a asset.Asset, content []byte) (asset.Asset, error)
	Asset(ctx context.Context, uid ident.UID) (asset.Asset, error)
	AssetContent(ctx context.Context, uid ident.UID) (asset.Asset, []byte, error)
	Assets(ctx context.Context, uids []ident.UID) ([]asset.Asset, error)
	ListAssets(ctx context.Context, after int64, limit int) ([]asset.Asset, error)
	DeleteAsset(ctx context.Context, uid ident.UID) error
}

type assets struct{ store AssetStore }

func registerAssets(r gin.IRouter, d Deps) {
	h := assets{d.Assets}
	r.GET("/assets", handle(h.list))
	r.POST("/assets", handleStream(h.create))
	r.GET("/assets/:id", handle(h.get))
	r.GET("/assets/:id/content", handleStream(h.content))
	r.DELETE("/assets/:id", handle(h.delete))
}

func showAsset(a asset.Asset) wire.Asset {
	return wire.Asset{
		ID: a.UID, Name: a.Name, MediaType: a.MediaType, Size: a.Size, SHA256: hex.EncodeToString(a.SHA256[:]), CreatedAt: a.CreatedAt.UTC(),
	}
}

// create takes the file as the body, its type as Content-Type and its name as ?name=: no multipart to take apart,
// and no header that a name has to be encoded for.
func (h assets) create(c *gin.Context) error {
	if err := knownQuery(c, "name"); err != nil {
		return err
	}
	if encoding := c.GetHeader("Content-Encoding"); encoding != "" && encoding != "identity" {
		return fault.New(fault.Malformed, codeMediaType, "The body must not be compressed.")
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	content, err := readBody(c.Request, asset.MaxSize)
	if err != nil {
		return err
	}
	a, err := asset.New(c.Query("name"), c.GetHeader("Content-Type"), content)
	if err != nil {
		return err
	}
	if a, err = h.store.CreateAsset(ctx, a, content); err != nil {
		return err
	}
	return created(c, a.UID, 0, showAsset(a))
}

func (h assets) list(c *gin.Context) error {
	p, err := readPage(c, "assets")
	if err != nil {
		return err
	}
	rows, err := h.store.ListAssets(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalAssets); err != nil {
		return err
	}
	return answerPage(c, "assets", p, rows, func(a asset.Asset) int64 { return a.ID }, showAsset)
}

func (h assets) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	a, err := h.store.Asset(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shownWhole(c, showAsset(a))
}

// content gives the file back, to be stored and not shown: it may be HTML.
func (h assets) content(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), transferTimeout)
	defer cancel()
	a, content, err := h.store.AssetContent(ctx, uid)
	if err != nil {
		return err
	}
	c.Header("Content-Type", a.MediaType)
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
	c.Header("Content-Security-Policy", "default-src 'none'; sandbox")
	c.Header("ETag", `"`+hex.EncodeToString(a.SHA256[:])+`"`)
	http.ServeContent(c.Writer, c.Request, "", a.CreatedAt, bytes.NewReader(content))
	return nil
}

func (h assets) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteAsset(c.Request.Context(), uid); err != nil {
		return err
	}
	return gone(c)
}
