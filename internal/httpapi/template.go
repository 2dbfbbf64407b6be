package httpapi

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/template"
)

// TemplateStore keeps templates and all their versions.
type TemplateStore interface {
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

type templateSource struct {
	Subject string `json:"subject"`
	HTML    string `json:"html"`
	Text    string `json:"text"`
}

type templateInput struct {
	Name      string                    `json:"name"`
	Channel   string                    `json:"channel"`
	Languages map[string]templateSource `json:"languages"`
}

func (in templateInput) sources() map[string]template.Source {
	out := make(map[string]template.Source, len(in.Languages))
	for tag, s := range in.Languages {
		out[tag] = template.Source(s)
	}
	return out
}

type templateBody struct {
	ID        ident.UID                 `json:"id"`
	Name      string                    `json:"name"`
	Channel   string                    `json:"channel"`
	Languages map[string]templateSource `json:"languages"`
	Version   int                       `json:"version"`
	CreatedAt time.Time                 `json:"created_at"`
	UpdatedAt time.Time                 `json:"updated_at"`
}

func showTemplate(s template.Set) templateBody {
	languages := make(map[string]templateSource, len(s.Languages))
	for tag, source := range s.Languages {
		languages[tag] = templateSource(source)
	}
	return templateBody{
		ID: s.UID, Name: s.Name, Channel: s.Channel, Languages: languages, Version: s.Version,
		CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
}

// templateHead is a template in a list: the languages without their sources.
type templateHead struct {
	ID        ident.UID `json:"id"`
	Name      string    `json:"name"`
	Channel   string    `json:"channel"`
	Languages []string  `json:"languages"`
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func showTemplateHead(s template.Set) templateHead {
	return templateHead{
		ID: s.UID, Name: s.Name, Channel: s.Channel, Languages: sortedKeys(s.Languages), Version: s.Version,
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
	return answerPage(c, "templates", p, rows, func(s template.Set) int64 { return s.ID }, showTemplateHead)
}

func (h templates) create(c *gin.Context) error {
	in, err := decode[templateInput](c, limitText)
	if err != nil {
		return err
	}
	s, err := template.NewSet(h.engine, in.Name, in.Channel, in.sources())
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
	return found(c, s.Version, showTemplate(s))
}

// update makes the next version; the channel cannot change.
func (h templates) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	in, err := decode[templateInput](c, limitText)
	if err != nil {
		return err
	}
	if err := h.images.ofSources(c.Request.Context(), in.sources()); err != nil {
		return err
	}
	s, err := h.store.UpdateTemplate(c.Request.Context(), uid, func(before template.Set) (template.Set, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return before, err
		}
		if in.Channel != "" && in.Channel != before.Channel {
			return before, invalid("/channel", "fixed", "The channel of a template cannot change.")
		}
		return template.NewSet(h.engine, in.Name, before.Channel, in.sources())
	})
	if err != nil {
		return err
	}
	return found(c, s.Version, showTemplate(s))
}

func (h templates) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	check := func(version int) error { return ifMatch(c, version) }
	if err := h.store.DeleteTemplate(c.Request.Context(), uid, check); err != nil {
		return err
	}
	return gone(c)
}
