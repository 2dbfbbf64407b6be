// Package queue moves typed tasks through Asynq on Redis. It is the only importer of asynq. The queue is a
// nudge, never the record: whatever it loses is nudged again from PostgreSQL.
package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/tasks"
)

// maxRetry is only a backstop: attempts that count are counted in PostgreSQL, per recipient.
const maxRetry = 1000

// Queue enqueues and looks at tasks.
type Queue struct {
	connect   func() redis.UniversalClient
	redis     redis.UniversalClient
	client    *asynq.Client
	inspector *asynq.Inspector
	workers   atomic.Int32 // that run, or are still stopping
}

// Open makes a Queue of the URL of a server, of Sentinels or of a Cluster (see parseURL). It does not wait for them:
// see Ping.
func Open(url string) (*Queue, error) {
	connect, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	client := connect()
	return &Queue{connect: connect, redis: client, client: asynq.NewClientFromRedisClient(client),
		inspector: asynq.NewInspectorFromRedisClient(client)}, nil
}

// MakeRedisClient makes a new redis.UniversalClient of the same servers, which belongs to the caller. It makes a Queue
// an asynq.RedisConnOpt, for what else asks for one.
func (q *Queue) MakeRedisClient() any { return q.connect() }

// errWorkers is why connections stay.
var errWorkers = errors.New("a worker has not stopped yet")

// Close lets go of the connections, unless a worker has not stopped yet: asynq's servers panic when they are taken away
// from them. Such a process is at its end, which closes everything.
func (q *Queue) Close() error {
	if q.workers.Load() > 0 {
		return fmt.Errorf("close redis: %w", errWorkers)
	}
	return q.redis.Close()
}

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
	_, err := q.client.EnqueueContext(ctx, asynq.NewTaskWithHeaders(string(t.Kind), t.Payload, headersOf(t)), options...)
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

// Redis is the connection, for what else of the process needs one.
func (q *Queue) Redis() redis.UniversalClient { return q.redis }

func unavailable(err error, doing string) error {
	return fmt.Errorf("%s: %w", doing, &fault.Error{Kind: fault.Unavailable, Code: "redis_unavailable", After: 5 * time.Second, Err: err})
}
