package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/tasks"
)

// Sight is what the queue knows of a task.
type Sight int

// What may be seen of a task.
const (
	// Gone: the queue does not have it.
	Gone Sight = iota
	// Blocked: it has ended, and its id stands in the archive: the queue would take no other task of that id.
	Blocked
	// Waiting: it is still to run, now or later.
	Waiting
	// Running: a worker has it, and was alive within the last half minute.
	Running
	// Abandoned: a worker had it and has died, or is cut off. asynq would find out only in two minutes.
	Abandoned
)

// leaseKey and activeKey are asynq's of a queue (v0.26, internal/base): until when which task is with a living worker,
// by Unix seconds, and which are with any. Workers renew the leases of 30 seconds.
func leaseKey(queue string) string  { return "asynq:{" + queue + "}:lease" }
func activeKey(queue string) string { return "asynq:{" + queue + "}:active" }

// Look looks for a task.
func (q *Queue) Look(ctx context.Context, t tasks.Task) (Sight, error) {
	info, err := q.inspector.GetTaskInfo(t.Queue, t.ID)
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return Gone, nil
	}
	if err != nil {
		return Gone, unavailable(err, "look a task up")
	}
	switch info.State {
	case asynq.TaskStatePending, asynq.TaskStateScheduled, asynq.TaskStateRetry:
		return Waiting, nil
	case asynq.TaskStateActive:
		return q.held(ctx, t)
	default:
		return Blocked, nil
	}
}

// held tells a task that somebody works on from one whose worker has died.
func (q *Queue) held(ctx context.Context, t tasks.Task) (Sight, error) {
	until, err := q.redis.ZScore(ctx, leaseKey(t.Queue), t.ID).Result()
	if errors.Is(err, redis.Nil) {
		return Abandoned, nil
	}
	if err != nil {
		return Gone, unavailable(err, "read a task's lease")
	}
	if time.Unix(int64(until), 0).After(time.Now()) {
		return Running, nil
	}
	return Abandoned, nil
}
