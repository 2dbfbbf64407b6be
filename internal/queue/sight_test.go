package queue

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/tasks"
)

// take makes a task as asynq leaves it when a worker has taken it: with the worker for so much longer.
func take(t *testing.T, q *Queue, task tasks.Task, lease time.Duration) {
	t.Helper()
	enqueue(t, q, task)
	ctx, prefix := t.Context(), "asynq:{"+task.Queue+"}:"
	_, err := q.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.LRem(ctx, prefix+"pending", 0, task.ID)
		p.LPush(ctx, activeKey(task.Queue), task.ID)
		p.HSet(ctx, prefix+"t:"+task.ID, "state", "active")
		p.ZAdd(ctx, leaseKey(task.Queue), redis.Z{Score: float64(time.Now().Add(lease).Unix()), Member: task.ID})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	q := open(t)
	list := make([]tasks.Task, 7)
	for i := range list {
		list[i] = batch(t, int64(i), tasks.LaneNormal)
	}
	pending, delayed, archived, running, abandoned, leaseless, absent := list[0], list[1], list[2], list[3], list[4], list[5], list[6]
	delayed.NotBefore = time.Now().Add(time.Hour)
	enqueue(t, q, pending, delayed, archived)
	if err := q.inspector.ArchiveTask(archived.Queue, archived.ID); err != nil {
		t.Fatal(err)
	}
	take(t, q, running, time.Hour)
	take(t, q, abandoned, -time.Second)
	take(t, q, leaseless, time.Hour)
	if err := q.redis.ZRem(t.Context(), leaseKey(leaseless.Queue), leaseless.ID).Err(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		task tasks.Task
		want Sight
	}{
		{"pending", pending, Waiting},
		{"delayed", delayed, Waiting},
		{"archived", archived, Blocked},
		{"with a worker", running, Running},
		{"with a dead worker", abandoned, Abandoned},
		{"with no lease", leaseless, Abandoned},
		{"absent", absent, Gone},
		{"in a queue that does not exist", batch(t, 1, tasks.LaneBulk), Gone},
	} {
		if seen, err := q.Look(t.Context(), tc.task); err != nil || seen != tc.want {
			t.Errorf("%s: %v, %v; want %v", tc.name, seen, err, tc.want)
		}
	}
	// An archived task keeps its id: nudging again takes a new generation, which is what the reconciler does.
	enqueue(t, q, archived)
	if seen, err := q.Look(t.Context(), archived); err != nil || seen != Blocked {
		t.Errorf("archived and enqueued again: %v, %v", seen, err)
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	q := open(t)
	ctx := t.Context()
	fine, leaseless, bodiless, stray := batch(t, 1, tasks.LaneNormal), batch(t, 2, tasks.LaneNormal), batch(t, 3, tasks.LaneNormal), batch(t, 4, tasks.LaneNormal)
	take(t, q, fine, time.Hour)
	take(t, q, leaseless, time.Hour)
	take(t, q, bodiless, time.Hour)
	enqueue(t, q, stray)
	if _, err := q.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRem(ctx, leaseKey(leaseless.Queue), leaseless.ID)
		p.HDel(ctx, "asynq:{"+bodiless.Queue+"}:t:"+bodiless.ID, "msg")
		p.ZAdd(ctx, leaseKey(stray.Queue), redis.Z{Score: 1, Member: stray.ID})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if found, err := q.Audit(ctx); err != nil || found != (Findings{Leaseless: 1, Bodiless: 1, Stray: 1}) || found.Total() != 3 {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := q.Audit(ctx); err != nil || found.Total() != 0 {
		t.Errorf("%+v, %v after it was mended", found, err)
	}
	for task, want := range map[*tasks.Task]Sight{&fine: Running, &leaseless: Waiting, &bodiless: Gone, &stray: Waiting} {
		if seen, err := q.Look(ctx, *task); err != nil || seen != want {
			t.Errorf("%s: %v, %v; want %v", task.ID, seen, err, want)
		}
	}
	ran := make(chan int64, 2)
	h := NewHandlers(nil)
	Handle(h, func(_ context.Context, t tasks.SendEmail) error { ran <- t.Batch.Batch; return nil })
	w := work(t, q, tasks.Queues(), Slots{Urgent: 1, Bulk: 1}, h)
	if first, second := <-ran, <-ran; first != 2 || second != 4 {
		t.Errorf("%d and %d ran; the one that was given back is the next, and runs", first, second)
	}
	stop(t, w)
}
