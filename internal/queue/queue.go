// Package queue moves typed tasks through Asynq on Redis. It is the only importer of asynq. The queue is a
// nudge, never the record: whatever it loses is nudged again from PostgreSQL.
package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// poolSize is how many Redis connections a process may use.
const poolSize = 50

// maxRetry is only a backstop: attempts that count are counted in PostgreSQL, per recipient.
const maxRetry = 1000

// Queue enqueues and looks at tasks.
type Queue struct {
	redis     redis.UniversalClient
	client    *asynq.Client
	inspector *asynq.Inspector
}

// Open makes a Queue of a redis:// or rediss:// URL. It does not wait for the server: see Ping.
func Open(url string) (*Queue, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the Redis URL cannot be read") // the cause would repeat its password
	}
	options.PoolSize = poolSize
	options.MaxRetries = 1
	client := redis.NewClient(options)
	return &Queue{redis: client, client: asynq.NewClientFromRedisClient(client),
		inspector: asynq.NewInspectorFromRedisClient(client)}, nil
}

// Close lets go of the connections.
func (q *Queue) Close() error { return q.redis.Close() }

// Ping writes and reads, to prove that Redis can be used.
func (q *Queue) Ping(ctx context.Context) error {
	if err := q.redis.Set(ctx, "presswork:ping", time.Now().UnixMilli(), time.Minute).Err(); err != nil {
		return unavailable(err, "ping redis")
	}
	return nil
}

// Enqueue adds a task. A task with the same id that waits, runs or is archived is the same task: that is
// success.
func (q *Queue) Enqueue(ctx context.Context, t tasks.Task) error {
	options := []asynq.Option{asynq.TaskID(t.ID), asynq.Queue(t.Queue), asynq.MaxRetry(maxRetry), asynq.Timeout(timeoutOf(t.Kind))}
	if !t.NotBefore.IsZero() {
		// asynq keeps whole seconds and cuts off the rest: a task that came early would find nothing to do yet,
		// and be gone.
		options = append(options, asynq.ProcessAt(t.NotBefore.Add(time.Second-1).Truncate(time.Second)))
	}
	_, err := q.client.EnqueueContext(ctx, asynq.NewTask(string(t.Kind), t.Payload), options...)
	if err == nil || errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return unavailable(err, "enqueue a task")
}

func timeoutOf(kind tasks.Kind) time.Duration {
	switch kind {
	case tasks.KindRender:
		return tasks.RenderTimeout
	case tasks.KindPersonalize:
		return tasks.PersonalizeTimeout
	case tasks.KindAggregateAnalytics:
		return tasks.AggregateTimeout
	default:
		return tasks.SendTimeout
	}
}

// Holds reports whether the task still waits or runs. An archived one does neither.
func (q *Queue) Holds(t tasks.Task) (bool, error) {
	info, err := q.inspector.GetTaskInfo(t.Queue, t.ID)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return false, nil
	case err != nil:
		return false, unavailable(err, "look a task up")
	}
	return info.State != asynq.TaskStateArchived && info.State != asynq.TaskStateCompleted, nil
}

// Depth is how much of a queue waits and runs.
type Depth struct {
	Queue                                       string
	Pending, Active, Scheduled, Retry, Archived int
	Latency                                     time.Duration // age of the oldest pending task
	Paused                                      bool
}

// Depths reads every queue of the given names; one that does not exist yet is empty.
func (q *Queue) Depths(names []string) ([]Depth, error) {
	existing, err := q.inspector.Queues()
	if err != nil {
		return nil, unavailable(err, "list the queues")
	}
	list := make([]Depth, 0, len(names))
	for _, name := range names {
		d := Depth{Queue: name}
		if slices.Contains(existing, name) {
			info, err := q.inspector.GetQueueInfo(name)
			if err != nil {
				return nil, unavailable(err, "read a queue")
			}
			d = Depth{Queue: name, Pending: info.Pending, Active: info.Active, Scheduled: info.Scheduled,
				Retry: info.Retry, Archived: info.Archived, Latency: info.Latency, Paused: info.Paused}
		}
		list = append(list, d)
	}
	return list, nil
}

// SetPaused pauses or resumes a queue: no worker takes a task from a paused one. It may be repeated, by several
// at once.
func (q *Queue) SetPaused(ctx context.Context, name string, paused bool) error {
	// asynq's own key (v0.26, internal/base.PausedKey): its inspector refuses to pause a queue twice, also when two
	// processes race to do it once.
	key := "asynq:{" + name + "}:paused"
	var err error
	if paused {
		err = q.redis.SetNX(ctx, key, time.Now().Unix(), 0).Err()
	} else {
		err = q.redis.Del(ctx, key).Err()
	}
	if err != nil {
		return unavailable(err, "pause or resume a queue")
	}
	return nil
}

const canaryKey = "presswork:canary"

// Canary reads the canary; -1 if Redis has none.
func (q *Queue) Canary(ctx context.Context) (int64, error) {
	n, err := q.redis.Get(ctx, canaryKey).Int64()
	if errors.Is(err, redis.Nil) {
		return -1, nil
	}
	if err != nil {
		return 0, unavailable(err, "read the canary")
	}
	return n, nil
}

// queuesKey is asynq's set of the queues there are (v0.26, internal/base.AllQueues).
const queuesKey = "asynq:queues"

// SetCanary writes the canary, and the names of all queues. A client of asynq names a queue once in its life: to a
// Redis that lost them nobody would name them again, and Holds and Depths would not see what is enqueued there.
func (q *Queue) SetCanary(ctx context.Context, n int64) error {
	names := make([]any, 0, len(tasks.Queues()))
	for name := range tasks.Queues() {
		names = append(names, name)
	}
	_, err := q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.SAdd(ctx, queuesKey, names...)
		p.Set(ctx, canaryKey, n, 0)
		return nil
	})
	if err != nil {
		return unavailable(err, "write the canary")
	}
	return nil
}

// Redis is the connection, for what else of the process needs one.
func (q *Queue) Redis() redis.UniversalClient { return q.redis }

func unavailable(err error, doing string) error {
	return fmt.Errorf("%s: %w", doing, &fault.Error{Kind: fault.Unavailable, Code: "redis_unavailable", After: 5 * time.Second, Err: err})
}
