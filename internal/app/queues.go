package app

import (
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/queue"
)

// queueReader shows the queues to the API.
type queueReader struct{ queue *queue.Queue }

// QueueDepths reads the queues of the given names.
func (r queueReader) QueueDepths(names []string) ([]wire.Queue, error) {
	depths, err := r.queue.Depths(names)
	if err != nil {
		return nil, err
	}
	list := make([]wire.Queue, 0, len(depths))
	for _, d := range depths {
		list = append(list, wire.Queue{Name: d.Queue, Pending: d.Pending, Active: d.Active, Scheduled: d.Scheduled,
			Retry: d.Retry, Archived: d.Archived, OldestSeconds: d.Latency.Seconds(), Paused: d.Paused})
	}
	return list, nil
}
