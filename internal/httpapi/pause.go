package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/tasks"
)

// PauseStore keeps what operators paused.
type PauseStore interface {
	Pauses(ctx context.Context) ([]delivery.Pause, error)
	Pause(ctx context.Context, p delivery.Pause) error
	Resume(ctx context.Context, p delivery.Pause) error
}

type pauses struct{ store PauseStore }

// registerPauses has one resource for each thing that can be paused: /pauses/all, /pauses/channel:slack,
// /pauses/queue:email-bulk. PUT pauses and DELETE resumes; both may be repeated.
func registerPauses(r gin.IRouter, d Deps) {
	h := pauses{d.Pauses}
	r.GET("/pauses", handle(h.list))
	r.PUT("/pauses/:scope", handle(h.pause))
	r.DELETE("/pauses/:scope", handle(h.resume))
}

func (h pauses) list(c *gin.Context) error {
	list, err := h.store.Pauses(c.Request.Context())
	if err != nil {
		return err
	}
	items := make([]wire.Pause, 0, len(list))
	for _, p := range list {
		items = append(items, wire.Pause{Scope: p.Scope, PausedBy: p.By, PausedAt: p.At})
	}
	c.PureJSON(http.StatusOK, wire.Pauses{Items: items})
	return nil
}

func (h pauses) pause(c *gin.Context) error { return change(c, h.store.Pause) }

func (h pauses) resume(c *gin.Context) error { return change(c, h.store.Resume) }

func change(c *gin.Context, do func(context.Context, delivery.Pause) error) error {
	p, err := parseScope(c.Param("scope"))
	if err != nil {
		return err
	}
	if err := do(c.Request.Context(), p); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// parseScope reads a scope and finds out what it covers: which channels' batches, in which lanes.
func parseScope(text string) (delivery.Pause, error) {
	p := delivery.Pause{Scope: text}
	kind, name, _ := strings.Cut(text, ":")
	if kind == "queue" {
		if _, known := tasks.Queues()[name]; !known {
			return p, fault.New(fault.NotFound, "no_such_scope", "There is no such queue.")
		}
	}
	for _, k := range channel.Kinds() {
		args, err := tasks.NewSend(string(k), 0, 0)
		if err != nil {
			return p, err
		}
		for lane := tasks.LaneCritical; lane <= tasks.LaneBulk; lane++ {
			if text == "all" || kind == "channel" && name == string(k) || kind == "queue" && name == args.Queue(lane) {
				p.Covers = append(p.Covers, delivery.ChannelLane{Channel: k.ID(), Lane: int16(lane)})
			}
		}
	}
	if len(p.Covers) == 0 && kind != "queue" {
		return p, fault.New(fault.NotFound, "no_such_scope", "A scope is all, channel:<kind> or queue:<name>.")
	}
	return p, nil
}
