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
	UpdateTopic(ctx context.Context, uid ident.UID, change func(subscriber.Topic) (subscriber.Topic, error)) (subscriber.Topic, error)
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
	return wire.Topic{ID: t.UID, Slug: t.Slug, Name: t.Name, Description: t.Description, Public: t.Public,
		Version: t.Version, CreatedAt: t.CreatedAt.UTC()}
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
	return subscriber.NewTopic(in.Name, in.Slug, in.Description, in.Public == nil || *in.Public)
}

func topicRenamed(in wire.TopicRename) (subscriber.Topic, error) {
	return renamed(subscriber.Topic{Slug: "any"}, in)
}

// renamed is a topic as in says that it shall be; what it leaves out stays.
func renamed(t subscriber.Topic, in wire.TopicRename) (subscriber.Topic, error) {
	if in.Description == nil {
		in.Description = &t.Description
	}
	if in.Public == nil {
		in.Public = &t.Public
	}
	next, err := subscriber.NewTopic(in.Name, t.Slug, *in.Description, *in.Public)
	t.Name, t.Description, t.Public = next.Name, next.Description, next.Public
	return t, err
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

// rename changes how a topic is shown: contents and audiences go by the slug, which stays.
func (h topics) rename(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	in, err := decode[wire.TopicRename](c, limitOther, parsing(topicRenamed))
	if err != nil {
		return err
	}
	t, err := h.store.UpdateTopic(c.Request.Context(), uid, func(before subscriber.Topic) (subscriber.Topic, error) {
		if err := ifMatch(c, before.Version); err != nil {
			return before, err
		}
		return renamed(before, in)
	})
	if err != nil {
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
