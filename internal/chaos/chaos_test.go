package chaos

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/program"
)

// readers is how many recipients a run has; a share of them have got theirs when the fault strikes.
const (
	readers = 20_000
	share   = readers / 5
)

func TestChaos(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*stand, *process, *process){
		"workers are killed and frozen": workersKilledAndFrozen,
		"the only worker is killed":     onlyWorkerKilled,
		"Redis is emptied":              redisEmptied,
		"PostgreSQL is killed":          postgresKilled,
		"the API is killed in a burst":  apiKilled,
		"the scheduler is killed":       schedulerKilled,
		"a worker is killed in release": releaseKilled,
	}
	if os.Getenv(seedVariable) != "" { // in `make chaos` only
		cases["a worker is killed in fan-out"] = fanoutKilled
		cases["everything is killed"] = everythingKilled
	}
	binary := program.Build(t)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, api, scheduler := newStand(t, binary)
			test(s, api, scheduler)
		})
	}
}

// workersKilledAndFrozen: of three workers one dies and one stands still until it was taken over, then goes on and
// finds itself fenced.
func workersKilledAndFrozen(s *stand, _, _ *process) {
	victim, frozen := s.start("worker"), s.start("worker")
	s.start("worker")
	id := s.run(readers, share)
	frozen.signal(syscall.SIGSTOP)
	victim.kill()
	s.midRun(id, readers)
	fixture.Until(s.t, patience, "two sessions to be taken over", func() (bool, string) {
		n := value[int](s, `SELECT count(*)::int FROM sender_session WHERE ended_at IS NOT NULL`)
		return n == 2, fmt.Sprint(n)
	})
	frozen.signal(syscall.SIGCONT)
	s.check(id, readers, 2*listed)
	if !frozen.alive() {
		s.t.Error("the frozen worker did not survive")
	}
}

// onlyWorkerKilled: what is told of the run is what the ledger says, though the worker that told it died too.
func onlyWorkerKilled(s *stand, _, _ *process) {
	told := s.subscribe("publication.*", "delivery.uncertain")
	victim := s.start("worker")
	id := s.run(readers, share)
	victim.kill()
	s.midRun(id, readers)
	s.start("worker")
	s.check(id, readers, listed)
	s.awaitTold(told, map[string]int{"publication.queued": 1, "publication.sending": 1, "publication.completed": 1,
		"delivery.uncertain": value[int](s, `SELECT count(*)::int FROM delivery WHERE state = 7`)})
}

func redisEmptied(s *stand, _, _ *process) {
	s.start("worker")
	s.start("worker")
	id := s.run(readers, share)
	s.flushall()
	s.midRun(id, readers)
	s.check(id, readers, 0)
}

// postgresKilled: a crash of the server takes no commit back, and nobody who sends dies of it.
func postgresKilled(s *stand, _, _ *process) {
	s.start("worker")
	s.start("worker")
	id := s.run(readers, share)
	if err := s.stack.RestartPostgres(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.midRun(id, readers)
	s.check(id, readers, 0)
}

// apiKilled: every publication that was answered with 202 is there and is sent, though the API died among them.
func apiKilled(s *stand, api, _ *process) {
	s.ConnectWebhook(s.t, "burst")
	var mu sync.Mutex
	var accepted []string
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				var one struct{ ID string }
				err := s.Try(context.WithoutCancel(s.t.Context()), http.MethodPost, "/publications",
					s.Request(fixture.Order{Title: "Burst", Channels: []string{"webhook"}}), &one)
				if err != nil {
					return // it is dead
				}
				mu.Lock()
				accepted = append(accepted, one.ID)
				mu.Unlock()
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(accepted)
	}
	fixture.Until(s.t, patience, "a burst", func() (bool, string) { return count() > 200, "" })
	api.kill()
	clients.Wait()
	s.start("api")
	s.start("worker")
	s.awaitAPI(s.URL[len("http://"):])
	fixture.Until(s.t, patience, "all of them to arrive", func() (bool, string) {
		n, all := 0, s.arrivals()
		for _, id := range accepted {
			if all[id].Channels["webhook"] == 1 {
				n++
			}
		}
		return n == len(accepted), fmt.Sprint(n)
	})
	for _, id := range accepted {
		s.Await(s.t, id, "completed", patience)
	}
	if c := s.counts()["webhook"]; c.Doubled != 0 {
		s.t.Errorf("%d arrived twice", c.Doubled)
	}
	s.t.Logf("%d were accepted", len(accepted))
}

// schedulerKilled: what is due while there is no scheduler waits for the next one. It is due once the scheduler is dead, however
// long the machine took to kill it.
func schedulerKilled(s *stand, _, scheduler *process) {
	s.start("worker")
	s.ConnectWebhook(s.t, "due")
	order := fixture.Order{Title: "Due", Channels: []string{"webhook"}, Schedule: time.Now().Add(time.Hour)}
	due := s.Publish(s.t, order)
	scheduler.kill()
	if _, err := s.pool.Exec(s.t.Context(), `UPDATE publication SET scheduled_at = now() WHERE uid = $1`, due); err != nil {
		s.t.Fatal(err)
	}
	order.Schedule = time.Time{}
	now := s.Publish(s.t, order)
	s.Await(s.t, now, "completed", patience) // needs no scheduler
	if p := s.Progress(s.t, due); p.State != "scheduled" {
		s.t.Errorf("without a scheduler: %s", p)
	}
	s.start("scheduler")
	s.start("scheduler") // any number may run
	s.Await(s.t, due, "completed", patience)
	if n, doubles := s.arrived(due, "webhook"); n != 1 || doubles != 0 {
		s.t.Errorf("%d arrived, %d twice", n, doubles)
	}
}
