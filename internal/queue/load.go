package queue

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/capacity"
)

// Tasks counts what is in the queues of the given names: four looks at lengths each, in one round trip, whatever is in
// them. asynq's inspector, which Depths asks, also measures their memory.
func (q *Queue) Tasks(ctx context.Context, names []string) (map[string]capacity.Tasks, error) {
	lengths := make([][4]*redis.IntCmd, len(names))
	_, err := q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			key := "asynq:{" + name + "}:" // asynq's (v0.26, internal/base): two lists and two sorted sets
			lengths[i] = [4]*redis.IntCmd{p.LLen(ctx, key+"pending"), p.LLen(ctx, key+"active"),
				p.ZCard(ctx, key+"scheduled"), p.ZCard(ctx, key+"retry")}
		}
		return nil
	})
	if err != nil {
		return nil, unavailable(err, "count the tasks")
	}
	counts := make(map[string]capacity.Tasks, len(names))
	for i, name := range names {
		n := lengths[i]
		counts[name] = capacity.Tasks{Pending: int(n[0].Val()), Active: int(n[1].Val()), Scheduled: int(n[2].Val()), Retry: int(n[3].Val())}
	}
	return counts, nil
}

// Of is how many slots tasks of a queue share.
func (s Slots) Of(queue string) int {
	if urgent[queue] {
		return s.Urgent
	}
	return s.Bulk
}
