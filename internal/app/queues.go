package app

import (
	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/queue"
)

// queueReader shows the queues to the API.
type queueReader struct{ queue *queue.Queue }

// QueueDepths reads the queues of the given names.
func (r queueReader) QueueDepths(names []string) ([]httpapi.QueueDepth, error) {
	depths, err := r.queue.Depths(names)
	if err != nil {
		return nil, err
	}
	list := make([]httpapi.QueueDepth, 0, len(depths))
	for _, d := range depths {
		list = append(list, httpapi.QueueDepth{Name: d.Queue, Pending: d.Pending, Active: d.Active, Scheduled: d.Scheduled,
			Retry: d.Retry, Archived: d.Archived, OldestSeconds: d.Latency.Seconds(), Paused: d.Paused})
	}
	return list, nil
}
