package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/tasks"
)

// Findings are what an audit found wrong in asynq's own books, and mended. Each of its steps is a script, so that at
// rest and at work there is nothing to find: what there is comes from a Redis that lost its last second, or was put back.
type Findings struct {
	// Leaseless tasks were with a worker, by the books, and with none that could die of it: asynq would never give them
	// back. They are next in their queue again.
	Leaseless int
	// Bodiless ids stood where a task should be that is not there any more. They are removed.
	Bodiless int
	// Stray leases were of tasks that no worker has. They are removed.
	Stray int
}

// Total is how many there are.
func (f Findings) Total() int { return f.Leaseless + f.Bodiless + f.Stray }

// auditQueue looks through what workers have of a queue: as many as there are slots. KEYS are what is active, the leases
// and what is pending; ARGV the prefix of tasks, and now in nanoseconds.
var auditQueue = redis.NewScript(`
local leaseless, bodiless, stray = 0, 0, 0
local held = {}
for _, id in ipairs(redis.call("LRANGE", KEYS[1], 0, -1)) do
	local key = ARGV[1] .. id
	if redis.call("HEXISTS", key, "msg") == 0 then
		redis.call("LREM", KEYS[1], 0, id)
		redis.call("ZREM", KEYS[2], id)
		redis.call("DEL", key)
		bodiless = bodiless + 1
	elseif not redis.call("ZSCORE", KEYS[2], id) then
		redis.call("LREM", KEYS[1], 0, id)
		redis.call("RPUSH", KEYS[3], id)
		redis.call("HSET", key, "state", "pending", "pending_since", ARGV[2])
		leaseless = leaseless + 1
	else
		held[id] = true
	end
end
for _, id in ipairs(redis.call("ZRANGE", KEYS[2], 0, -1)) do
	if not held[id] then
		redis.call("ZREM", KEYS[2], id)
		stray = stray + 1
	end
end
return {leaseless, bodiless, stray}`)

// Audit looks through asynq's books (v0.26, internal/rdb) for what its own steps cannot leave behind, and mends it. It
// may be repeated, by several at once.
func (q *Queue) Audit(ctx context.Context) (Findings, error) {
	var all Findings
	for name := range tasks.Queues() {
		keys := []string{activeKey(name), leaseKey(name), "asynq:{" + name + "}:pending"}
		found, err := auditQueue.Run(ctx, q.redis, keys, "asynq:{"+name+"}:t:", time.Now().UnixNano()).Int64Slice()
		if err == nil && len(found) != 3 {
			err = fmt.Errorf("%d numbers", len(found))
		}
		if err != nil {
			return all, unavailable(err, "audit a queue")
		}
		all.Leaseless += int(found[0])
		all.Bodiless += int(found[1])
		all.Stray += int(found[2])
	}
	return all, nil
}
