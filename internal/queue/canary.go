package queue

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/tasks"
)

// canaryKey has a queue's hash tag, as asynq's keys of that queue do: in a Cluster they lie on the same server, and a
// server that lost a queue lost its canary too.
func canaryKey(queue string) string { return "presswork:canary:{" + queue + "}" }

// Canary reads the canaries of all queues and returns the least; -1 if one is missing.
func (q *Queue) Canary(ctx context.Context) (int64, error) {
	var held []*redis.StringCmd
	_, err := q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for name := range tasks.Queues() {
			held = append(held, p.Get(ctx, canaryKey(name)))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, unavailable(err, "read the canaries")
	}
	var least int64 = -1
	for i, get := range held {
		n, err := get.Int64()
		if errors.Is(err, redis.Nil) {
			n, err = -1, nil
		}
		if err != nil {
			return 0, unavailable(err, "read a canary")
		}
		if i == 0 || n < least {
			least = n
		}
	}
	return least, nil
}

// queuesKey is asynq's set of the queues there are (v0.26, internal/base.AllQueues).
const queuesKey = "asynq:queues"

// SetCanary writes the canary of every queue, and the names of all queues. A client of asynq names a queue once in its
// life: to a Redis that lost them nobody would name them again, and Look and Depths would not see what is enqueued
// there.
func (q *Queue) SetCanary(ctx context.Context, n int64) error {
	_, err := q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for name := range tasks.Queues() {
			p.SAdd(ctx, queuesKey, name)
			p.Set(ctx, canaryKey(name), n, 0)
		}
		return nil
	})
	if err != nil {
		return unavailable(err, "write the canaries")
	}
	return nil
}
