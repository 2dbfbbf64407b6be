package queue

import (
	"context"
	"errors"
	"strings"

	"github.com/hibiken/asynq"
)

// FromArchive reports that the task of a handler's ctx had failed for good with the error code given, and was run again by
// hand, in Asynqmon or by its command. Nothing brings it back by itself: asynq only ever removes archived tasks, and a
// task whose worker died says so in the place of the code.
func (q *Queue) FromArchive(ctx context.Context, code string) (bool, error) {
	id, known := asynq.GetTaskID(ctx)
	if !known {
		return false, nil
	}
	name, _ := asynq.GetQueueName(ctx)
	info, err := q.inspector.GetTaskInfo(name, id)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return false, nil // the queue lost it meanwhile
	case err != nil:
		return false, unavailable(err, "look a task up")
	}
	return strings.HasPrefix(info.LastErr, code+":"), nil
}
