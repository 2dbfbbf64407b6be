package e2e

import (
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/tasks"
)

// checkRun waits for the end of a run in which everybody must be reached once and nobody be uncertain.
func (h *house) checkRun(id string, readers int) {
	h.t.Helper()
	p := h.Await(h.t, id, "completed", patience)
	if p.All.Sent != int64(readers) || p.All.Uncertain != 0 {
		h.t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", readers)
}

// A worker that is shut down in the middle of a run gives back what it has not sent, and another goes on.
func TestGracefulShutdown(t *testing.T) {
	t.Parallel()
	const readers = 800
	h := open(t, app.API, app.Scheduler)
	first := h.start(nil, app.Worker)
	id := halfway(h, readers)
	h.start(nil, app.Worker)
	h.stop(first)
	if n, _ := h.arrived(id, "email"); n == readers {
		t.Fatal("the run was over before the shutdown")
	}
	h.hasten()
	h.checkRun(id, readers)
	if n := h.logs.FilterMessage("sender session taken over").Len(); n != 0 {
		t.Errorf("%d sessions did not end by themselves", n)
	}
}

// With no worker left the run waits for the next one.
func TestLastWorkerShutDown(t *testing.T) {
	t.Parallel()
	const readers = 800
	h := open(t, app.API, app.Scheduler)
	first := h.start(nil, app.Worker)
	id := halfway(h, readers)
	h.stop(first)
	if n := value[int](h, `SELECT count(*)::int FROM batch WHERE state = 'claimed'`); n != 0 {
		t.Errorf("%d batches are claimed by nobody", n)
	}
	if n, _ := h.arrived(id, "email"); n == readers {
		t.Fatal("the run was over before the shutdown")
	}
	h.hasten()
	h.start(nil, app.Worker)
	h.checkRun(id, readers)
}

// A worker that is shut down as soon as it has started leaves nothing behind.
func TestShutdownWhileStarting(t *testing.T) {
	t.Parallel()
	const readers = 600
	h := open(t, app.API, app.Scheduler)
	h.ConnectSMTP(t, "email")
	h.ConnectSMTP(t, "newsletter")
	h.Subscribe(t, fixture.People("start", readers))
	id := h.Publish(t, fixture.Order{Title: "Start", Channels: []string{"email", "newsletter"}})
	for range 5 {
		h.stop(h.start(nil, app.Worker))
	}
	h.start(nil, app.Worker)
	p := h.Await(t, id, "completed", patience)
	if p.All.Sent != 2*readers {
		t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", readers)
	h.wantOnce(id, "newsletter", readers)
}

// Processes that start at once on an empty database migrate it once; it can be taken down and up again.
func TestMigrations(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.config.DatabaseURL = dbtest.NewEmpty(t)
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			c := h.config
			a, err := app.New(t.Context(), &c, h.log, app.API)
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(a.Start(t.Context()), a.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	for _, version := range []int64{0, 3, 0} {
		if err := app.MigrateTo(t.Context(), &h.config, version); err != nil {
			t.Fatalf("migrate to %d: %v", version, err)
		}
	}
	h.pool = dbtest.Connect(t, h.config.DatabaseURL)
	if n := value[int](h, `SELECT count(*)::int FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = 'public' AND relname NOT LIKE 'goose%'`); n != 0 {
		t.Errorf("going down leaves %d relations", n)
	}
	if err := app.Migrate(t.Context(), &h.config); err != nil {
		t.Errorf("migrate up again: %v", err)
	}
}

// While Redis is away publications are accepted; they are sent when it is back, empty.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	stack, err := devstack.Start(t.Context(), devstack.Options{Redis: true, RequireRedis: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	h := openOn(t, servers{dbtest.New(t), stack.RedisURL()}, app.API, app.Worker, app.Scheduler)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("away", 20))
	if err := syscall.Kill(stack.RedisPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	id := h.Publish(t, fixture.Order{Title: "Without Redis", Channels: []string{"email"}})
	if ready := h.Visit(t, "GET", "/readyz", nil); ready.Status != 200 {
		t.Errorf("the API is not ready: %d %s", ready.Status, ready.Body)
	}
	if p := h.Progress(t, id); p.State != "queued" {
		t.Errorf("progress is %s", p)
	}
	if err := stack.RestartRedis(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.checkRun(id, 20)
}

// Redis losing everything in the middle of a run costs time only.
func TestRedisEmptied(t *testing.T) {
	t.Parallel()
	const readers = 800
	stack, err := devstack.Start(t.Context(), devstack.Options{Redis: true, RequireRedis: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	h := openOn(t, servers{dbtest.New(t), stack.RedisURL()}, app.API, app.Worker, app.Scheduler)
	id := halfway(h, readers)
	if err := stack.RestartRedis(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.hasten()
	h.checkRun(id, readers)
	// Whoever looks at the queues has to find them again, the reconciler among them.
	q, err := queue.Open(stack.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	known, err := q.Redis().SMembers(t.Context(), "asynq:queues").Result()
	if err != nil || !slices.Contains(known, tasks.QueueEmail) {
		t.Errorf("the queues known after the loss are %v, %v", known, err)
	}
}

// PostgreSQL crashing in the middle of a run loses and doubles nothing.
func TestPostgresRestarted(t *testing.T) {
	t.Parallel()
	const readers = 800
	// Durable: without synchronous_commit a crash takes commits back, intents among them.
	stack, err := devstack.Start(t.Context(), devstack.Options{RequireRedis: true, Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	h := openOn(t, servers{stack.DatabaseURL(), stack.RedisURL()}, app.API, app.Worker, app.Scheduler)
	id := halfway(h, readers)
	if err := stack.RestartPostgres(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.hasten()
	p := h.Await(t, id, "completed", 2*patience)
	if p.All.Sent+p.All.Uncertain != readers {
		t.Errorf("progress is %s", p)
	}
	if n := value[int64](h, `SELECT count(*) FROM delivery WHERE state = 7`); n != p.All.Uncertain {
		t.Errorf("%d are uncertain, %d shown", n, p.All.Uncertain)
	}
	arrived, doubles := h.arrived(id, "email")
	if doubles != 0 || int64(arrived) < p.All.Sent {
		t.Errorf("%d arrived, %d twice; progress is %s", arrived, doubles, p)
	}
}
