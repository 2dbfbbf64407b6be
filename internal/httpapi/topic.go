package httpapi

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/tally"
)

// TopicStore keeps topics.
type TopicStore interface {
	TotalTopics(ctx context.Context) (tally.Total, error)
	CreateTopic(ctx context.Context, t subscriber.Topic) (subscriber.Topic, error)
	Topic(ctx context.Context, uid ident.UID) (subscriber.Topic, error)
	RenameTopic(ctx context.Context, uid ident.UID, name string, check func(version int) error) (subscriber.Topic, error)
	DeleteTopic(ctx context.Context, uid ident.UID, check func(version int) error) error
	ListTopics(ctx context.Context, after int64, limit int) ([]subscriber.Topic, error)
}

type topics struct{ store TopicStore }

func registerTopics(r gin.IRouter, d Deps) {
	h := topics{d.Topics}
	r.GET("/topics", handle(h.list))
	r.POST("/topics", handle(h.create))
	r.GET("/topics/:id", handle(h.get))
	r.PUT("/topics/:id", handle(h.rename))
	r.DELETE("/topics/:id", handle(h.delete))
}

func showTopic(t subscriber.Topic) wire.Topic {
	return wire.Topic{ID: t.UID, Slug: t.Slug, Name: t.Name, Version: t.Version, CreatedAt: t.CreatedAt.UTC()}
}

func (h topics) list(c *gin.Context) error {
	p, err := readPage(c, "topics")
	if err != nil {
		return err
	}
	rows, err := h.store.ListTopics(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.store.TotalTopics); err != nil {
		return err
	}
	return answerPage(c, "topics", p, rows, func(t subscriber.Topic) int64 { return int64(t.ID) }, showTopic)
}

func topicOf(in wire.TopicInput) (subscriber.Topic, error) {
	return subscriber.NewTopic(in.Name, in.Slug)
}

func topicRenamed(in wire.TopicRename) (subscriber.Topic, error) {
	return subscriber.NewTopic(in.Name, "any")
}

func (h topics) create(c *gin.Context) error {
	t, err := parsed[wire.TopicInput](c, limitOther, topicOf)
	if err != nil {
		return err
	}
	if t, err = h.store.CreateTopic(c.Request.Context(), t); err != nil {
		return err
	}
	return created(c, t.UID, t.Version, showTopic(t))
}

func (h topics) get(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	t, err := h.store.Topic(c.Request.Context(), uid)
	if err != nil {
		return err
	}
	return shown(c, t.Version, showTopic(t))
}

// rename changes the name only: contents and audiences go by the slug.
func (h topics) rename(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	t, err := parsed[wire.TopicRename](c, limitOther, topicRenamed)
	if err != nil {
		return err
	}
	if t, err = h.store.RenameTopic(c.Request.Context(), uid, t.Name, matching(c)); err != nil {
		return err
	}
	return found(c, t.Version, showTopic(t))
}

func (h topics) delete(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteTopic(c.Request.Context(), uid, matching(c)); err != nil {
		return err
	}
	return gone(c)
}
