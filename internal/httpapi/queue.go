package httpapi

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/tasks"
)

// QueueReader reads queues; one that was never used is empty.
type QueueReader interface {
	QueueDepths(names []string) ([]wire.Queue, error)
}

type queues struct{ reader QueueReader }

func registerQueues(r gin.IRouter, d Deps) {
	r.GET("/queues", handle(queues{d.Queues}.list))
}

func (h queues) list(c *gin.Context) error {
	names := make([]string, 0, len(tasks.Queues()))
	for name := range tasks.Queues() {
		names = append(names, name)
	}
	slices.Sort(names)
	items, err := h.reader.QueueDepths(names)
	if err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wire.Queues{Items: items})
	return nil
}
