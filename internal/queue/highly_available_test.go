package queue

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// everything does with a queue what the processes do: canary, depths, pauses, tasks of every lane, and a worker that
// takes them. It returns what the worker tells of batches.
func everything(t *testing.T, q *Queue) <-chan int64 {
	t.Helper()
	ctx := t.Context()
	if err := q.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := q.Canary(ctx); err != nil || n != -1 {
		t.Errorf("the first canary: %d, %v", n, err)
	}
	if err := q.SetCanary(ctx, 7); err != nil {
		t.Fatal(err)
	}
	if n, err := q.Canary(ctx); err != nil || n != 7 {
		t.Errorf("the canary: %d, %v", n, err)
	}
	for _, paused := range []bool{true, true, false, false} {
		if err := q.SetPaused(ctx, tasks.QueueSlack, paused); err != nil {
			t.Fatal(err)
		}
		if got := depth(t, q, tasks.QueueSlack).Paused; got != paused {
			t.Errorf("paused: %t, want %t", got, paused)
		}
	}
	lanes := []tasks.Lane{tasks.LaneCritical, tasks.LaneNormal, tasks.LaneBulk}
	for i, lane := range lanes {
		task := batch(t, int64(i+1), lane)
		enqueue(t, q, task, task)
		if held, err := q.Look(t.Context(), task); err != nil || held != Waiting {
			t.Errorf("%s does not wait: %v", task.ID, err)
		}
		if got := depth(t, q, task.Queue).Pending; got != 1 {
			t.Errorf("%d wait in %s", got, task.Queue)
		}
	}
	later := batch(t, 9, tasks.LaneNormal)
	later.NotBefore = time.Now().Add(time.Hour)
	enqueue(t, q, later)
	ran := make(chan int64, 100)
	h := NewHandlers(nil)
	Handle(h, recordBatch(ran))
	work(t, q, tasks.Queues(), Slots{Urgent: 2, Bulk: 2}, h)
	seen := map[int64]bool{<-ran: true, <-ran: true, <-ran: true}
	if len(seen) != len(lanes) || seen[9] {
		t.Errorf("the worker got %v", seen)
	}
	if d := depth(t, q, tasks.QueueEmail); d.Scheduled != 1 || d.Pending != 0 {
		t.Errorf("at the end: %+v", d)
	}
	return ran
}

// inspected asks what Asynqmon asks.
func inspected(t *testing.T, q *Queue) {
	t.Helper()
	client, ok := q.MakeRedisClient().(redis.UniversalClient)
	if !ok {
		t.Fatal("no client for Asynqmon")
	}
	defer client.Close()
	inspector := asynq.NewInspectorFromRedisClient(client)
	names, err := inspector.Queues()
	if err != nil || len(names) != len(tasks.Queues()) {
		t.Errorf("queues %v, %v", names, err)
	}
	scheduled, err := inspector.ListScheduledTasks(tasks.QueueEmail)
	if err != nil || len(scheduled) != 1 {
		t.Errorf("scheduled %v, %v", scheduled, err)
	}
	servers, err := inspector.Servers()
	if err != nil || len(servers) != 2 {
		t.Errorf("servers %v, %v", servers, err)
	}
	if _, err := inspector.History(tasks.QueueEmail, 1); err != nil {
		t.Error(err)
	}
	if err := inspector.DeleteTask(tasks.QueueEmail, scheduled[0].ID); err != nil {
		t.Error(err)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	q := openAt(t, redistest.Cluster(t))
	everything(t, q)
	inspected(t, q)
	if nodes, err := q.inspector.ClusterNodes(tasks.QueueEmail); err != nil || len(nodes) == 0 {
		t.Errorf("who has the queue: %v, %v", nodes, err)
	}
}

// TestSentinelFailover kills the master under a working worker: it goes on with the one that the Sentinel makes.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	address, killMaster := redistest.Sentinel(t)
	q := openAt(t, address)
	ran := everything(t, q)
	inspected(t, q)
	killMaster()
	task := batch(t, 5, tasks.LaneCritical)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for q.Enqueue(ctx, task) != nil {
		if ctx.Err() != nil {
			t.Fatal("nobody became the master")
		}
	}
	select {
	case got := <-ran:
		if got != 5 {
			t.Errorf("the worker got %d", got)
		}
	case <-ctx.Done():
		t.Fatal("the worker did not go on")
	}
	if err := q.SetCanary(ctx, 8); err != nil {
		t.Error(err)
	}
	if n, err := q.Canary(ctx); err != nil || n != 8 {
		t.Errorf("the canary: %d, %v", n, err)
	}
}
