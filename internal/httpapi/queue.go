package httpapi

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/tasks"
)

// QueueDepth is how much of a queue waits and runs, as the API shows it.
type QueueDepth struct {
	Name      string `json:"name"`
	Pending   int    `json:"pending"`
	Active    int    `json:"active"`
	Scheduled int    `json:"scheduled"`
	Retry     int    `json:"retry"`
	Archived  int    `json:"archived"`
	// OldestSeconds is the age of the oldest pending task.
	OldestSeconds float64 `json:"oldest_seconds"`
	Paused        bool    `json:"paused"`
}

// QueueReader reads queues; one that was never used is empty.
type QueueReader interface {
	QueueDepths(names []string) ([]QueueDepth, error)
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
	c.PureJSON(http.StatusOK, gin.H{"items": items})
	return nil
}
