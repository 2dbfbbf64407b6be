package httpapi

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// ContentStore keeps content items and all their versions.
type ContentStore interface {
	TotalContents(ctx context.Context) (tally.Total, error)
	CreateContent(ctx context.Context, i content.Item) (content.Item, error)
	Content(ctx context.Context, uid ident.UID) (content.Item, error)
	ContentVersion(ctx context.Context, uid ident.UID, version int) (content.Item, error)
	UpdateContent(ctx context.Context, uid ident.UID, change func(content.Item) (content.Item, error)) (content.Item, error)
	DeleteContent(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListContents(ctx context.Context, after int64, limit int) ([]content.Item, error)
}

type contents struct {
	store  ContentStore
	images images
}

func registerContents(r gin.IRouter, d Deps) {
	h := contents{d.Contents, images{d.Assets}}
	r.GET("/contents", handle(h.list))
	r.POST("/contents", handle(h.create))
	r.GET("/contents/:id", handle(h.get))
	r.GET("/contents/:id/versions/:version", handle(h.version))
	r.PUT("/contents/:id", handle(h.update))
	r.DELETE("/contents/:id", handle(h.delete))
}

// defaultQuality is the middle: nothing is known.
const defaultQuality = 0.5

func itemOf(in wire.ContentInput) content.Item {
	quality := defaultQuality
	if in.Quality != nil {
		quality = *in.Quality
	}
	return content.Item{
		Title: in.Title, Summary: in.Summary, Format: content.Format(in.Format), Body: in.Body, URL: in.URL,
		Topics: in.Topics, Language: in.Language, Quality: quality,
	}
}

// showContent is an item as it is shown; lists leave the body out.
func showContent(i content.Item) wire.Content {
	return wire.Content{
		ID: i.UID, Title: i.Title, Summary: i.Summary, Format: wire.ContentFormat(i.Format), Body: i.Body, URL: i.URL,
		Topics: i.Topics, Language: i.Language, Quality: i.Quality, Version: i.Version, CreatedAt: i.Created.UTC(),
	}
}

func (h contents) list(c *gin.Context) error {
	p, err := readPage(c, "contents")
	if err != nil {
		return err
	}
	rows, err := h.store.ListContents(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalContents); err != nil {
		return err
	}
	return answerPage(c, "contents", p, rows, func(i content.Item) int64 { return i.ID }, showContent)
}

func newItem(in wire.ContentInput) (content.Item, error) { return content.New(itemOf(in)) }

func (h contents) create(c *gin.Context) error {
	i, err := parsed[wire.ContentInput](c, limitText, newItem)
	if err != nil {
		return err
	}
	if err := h.images.ofItem(c.Request.Context(), i); err != nil {
		return err
	}
	if i, err = h.store.CreateContent(c.Request.Context(), i); err != nil {
		return err
	}
	uid, err := ident.Parse(i.UID)
	if err != nil {
		return fmt.Errorf("read the id of a new content item: %w", err)
	}
	return created(c, uid, i.Version, showContent(i))
}

func (h contents) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	i, err := h.store.Content(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shown(c, i.Version, showContent(i))
}

func (h contents) version(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(c.Param("version"), 10, 32)
	if err != nil {
		return fault.New(fault.NotFound, "not_found", "There is no such version.")
	}
	i, err := h.store.ContentVersion(c.Request.Context(), uid, int(version))
	if err != nil {
		return err
	}
	return shown(c, i.Version, showContent(i))
}

func (h contents) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	in, err := decode[wire.ContentInput](c, limitText, parsing(newItem))
	if err != nil {
		return err
	}
	// Before the item is locked; what else is wrong is told afterwards.
	if item, err := newItem(in); err == nil {
		if err := h.images.ofItem(c.Request.Context(), item); err != nil {
			return err
		}
	}
	i, err := h.store.UpdateContent(c.Request.Context(), uid, func(before content.Item) (content.Item, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return before, err
		}
		return before.Change(itemOf(in))
	})
	if err != nil {
		return err
	}
	return found(c, i.Version, showContent(i))
}

func (h contents) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteContent(c.Request.Context(), uid, matching(c)); err != nil {
		return err
	}
	return gone(c)
}
