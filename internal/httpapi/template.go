package httpapi

import (
	"context"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/tally"
	"github.com/presswork/presswork/internal/template"
)

// TemplateStore keeps templates and all their versions.
type TemplateStore interface {
	TotalTemplates(ctx context.Context) (tally.Total, error)
	CreateTemplate(ctx context.Context, s template.Set) (template.Set, error)
	Template(ctx context.Context, uid ident.UID) (template.Set, error)
	PinnedTemplate(ctx context.Context, id int64, version int) (template.Set, error)
	UpdateTemplate(ctx context.Context, uid ident.UID, change func(template.Set) (template.Set, error)) (template.Set, error)
	DeleteTemplate(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListTemplates(ctx context.Context, after int64, limit int) ([]template.Set, error)
}

type templates struct {
	store  TemplateStore
	images images
	engine template.Engine
}

func registerTemplates(r gin.IRouter, d Deps) {
	h := templates{d.Templates, images{d.Assets}, d.Engine}
	r.GET("/templates", handle(h.list))
	r.POST("/templates", handle(h.create))
	r.GET("/templates/:id", handle(h.get))
	r.PUT("/templates/:id", handle(h.update))
	r.DELETE("/templates/:id", handle(h.delete))
}

func sourcesOf(languages map[string]wire.TemplateSource) map[string]template.Source {
	out := make(map[string]template.Source, len(languages))
	for tag, s := range languages {
		out[tag] = template.Source(s)
	}
	return out
}

func showTemplate(s template.Set) wire.Template {
	languages := make(map[string]wire.TemplateSource, len(s.Languages))
	for tag, source := range s.Languages {
		languages[tag] = wire.TemplateSource(source)
	}
	return wire.Template{
		ID: s.UID, Name: s.Name, Channel: wire.ChannelKind(s.Channel), Languages: languages, Version: s.Version,
		CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
}

// showTemplateHead is a template in a list: the languages without their sources.
func showTemplateHead(s template.Set) wire.TemplateHead {
	return wire.TemplateHead{
		ID: s.UID, Name: s.Name, Channel: wire.ChannelKind(s.Channel), Languages: sortedKeys(s.Languages), Version: s.Version,
		CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
}

func (h templates) list(c *gin.Context) error {
	p, err := readPage(c, "templates")
	if err != nil {
		return err
	}
	rows, err := h.store.ListTemplates(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalTemplates); err != nil {
		return err
	}
	return answerPage(c, "templates", p, rows, func(s template.Set) int64 { return s.ID }, showTemplateHead)
}

func (h templates) setOf(in wire.TemplateInput) (template.Set, error) {
	return h.newSet(in.Name, string(in.Channel), sourcesOf(in.Languages))
}

// newSet also holds a template that replaces the text of a letter of our own to what letters have.
func (h templates) newSet(name, kind string, languages map[string]template.Source) (template.Set, error) {
	s, err := template.NewSet(h.engine, name, kind, languages)
	if err != nil || !strings.HasPrefix(s.Name, letter.Reserved) {
		return s, err
	}
	return s, checkLetter(h.engine, s)
}

func (h templates) create(c *gin.Context) error {
	s, err := parsed[wire.TemplateInput](c, limitText, h.setOf)
	if err != nil {
		return err
	}
	if err := h.images.ofSources(c.Request.Context(), s.Languages); err != nil {
		return err
	}
	if s, err = h.store.CreateTemplate(c.Request.Context(), s); err != nil {
		return err
	}
	return created(c, s.UID, s.Version, showTemplate(s))
}

func (h templates) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	s, err := h.store.Template(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shown(c, s.Version, showTemplate(s))
}

// update makes the next version; the channel cannot change.
func (h templates) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	in, err := decode[wire.TemplateChange](c, limitText, func(in wire.TemplateChange) error {
		before, err := h.store.Template(c.Request.Context(), uid)
		if err != nil {
			return err
		}
		_, err = h.changed(before, in)
		return err
	})
	if err != nil {
		return err
	}
	if err := h.images.ofSources(c.Request.Context(), sourcesOf(in.Languages)); err != nil {
		return err
	}
	s, err := h.store.UpdateTemplate(c.Request.Context(), uid, func(before template.Set) (template.Set, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return before, err
		}
		return h.changed(before, in)
	})
	if err != nil {
		return err
	}
	return found(c, s.Version, showTemplate(s))
}

func (h templates) changed(before template.Set, in wire.TemplateChange) (template.Set, error) {
	if in.Channel != "" && string(in.Channel) != before.Channel {
		return before, invalid("/channel", "fixed", "The channel of a template cannot change.")
	}
	return h.newSet(in.Name, before.Channel, sourcesOf(in.Languages))
}

func (h templates) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteTemplate(c.Request.Context(), uid, matching(c)); err != nil {
		return err
	}
	return gone(c)
}
