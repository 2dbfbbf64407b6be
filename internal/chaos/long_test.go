package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// longVariable asks for the long cases: how long the random one goes on, such as 10m.
const longVariable = "PRESSWORK_TEST_CHAOS"

// longCases are none unless they are asked for.
func longCases(t *testing.T) map[string]func(*stand, *process, *process) {
	t.Helper()
	text := os.Getenv(longVariable)
	if text == "" {
		return nil
	}
	span, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", longVariable, err)
	}
	return map[string]func(*stand, *process, *process){
		"a worker is killed in fan-out": fanoutKilled,
		"everything is killed":          everythingKilled,
		"random faults":                 func(s *stand, api, scheduler *process) { randomFaults(s, api, scheduler, span) },
	}
}

// fanoutKilled: a worker that dies while it makes the ledger's rows leaves none out.
func fanoutKilled(s *stand, _, _ *process) {
	const many = 10 * readers
	s.ConnectSMTP(s.t, "email")
	s.Subscribe(s.t, fixture.People("fanout", many))
	victim := s.start("worker")
	id := s.Publish(s.t, fixture.Order{Title: "Fan-out", Channels: []string{"email"}})
	fixture.Until(s.t, patience, "fan-out to begin", func() (bool, string) {
		p := s.Progress(s.t, id)
		return p.All.Total > 0, p.String()
	})
	victim.kill()
	if p := s.Progress(s.t, id); p.Fanout {
		s.t.Fatalf("fan-out was over before the fault: %s", p)
	}
	s.start("worker")
	s.check(id, many, listed)
}

// everythingKilled is a power cut: every process and both servers die at once.
func everythingKilled(s *stand, api, scheduler *process) {
	workers := []*process{s.start("worker"), s.start("worker")}
	id := s.run(readers, share)
	for _, p := range append(workers, api, scheduler) {
		p.signal(syscall.SIGKILL)
	}
	for _, pid := range []int{s.stack.PostgresPID(), s.stack.RedisPID()} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			s.t.Fatal(err)
		}
	}
	s.midRun(id, readers)
	for _, role := range []string{"worker", "scheduler", "api", "worker"} { // before their servers
		s.start(role)
	}
	if err := s.stack.RestartRedis(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if err := s.stack.RestartPostgres(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.check(id, readers, 2*listed)
}

// gang is the processes that random faults strike.
type gang struct {
	*stand
	api, scheduler *process
	workers        []*process
	frozen         *process
	deaths         int // of workers
}

// strike does something bad and says what. What died is started again.
func (g *gang) strike() string {
	i := rand.IntN(len(g.workers)) //nolint:gosec // chaos, no secret
	switch rand.IntN(8) {          //nolint:gosec // the same
	case 0:
		g.api.kill()
		g.api = g.start("api")
		return "the API is killed"
	case 1:
		g.scheduler.kill()
		g.scheduler = g.start("scheduler")
		return "the scheduler is killed"
	case 2:
		g.flushall()
		return "Redis is emptied"
	case 3:
		if err := g.stack.RestartPostgres(g.t.Context()); err != nil {
			g.t.Fatal(err)
		}
		return "PostgreSQL is killed"
	case 4:
		if g.frozen != nil {
			g.frozen.signal(syscall.SIGCONT)
			g.frozen = nil
			return "a frozen worker goes on"
		}
		g.frozen = g.workers[i]
		g.frozen.signal(syscall.SIGSTOP)
		g.deaths++
		return "a worker is frozen"
	case 5:
		if g.workers[i] != g.frozen {
			g.workers[i].signal(syscall.SIGTERM)
			<-g.workers[i].ended
			g.workers[i] = g.start("worker")
		}
		return "a worker is stopped"
	default:
		if g.workers[i] == g.frozen {
			g.frozen = nil
		}
		g.workers[i].kill()
		g.workers[i] = g.start("worker")
		g.deaths++
		return "a worker is killed"
	}
}

// randomFaults strikes every few seconds, run after run, for as long as it is told.
func randomFaults(s *stand, api, scheduler *process, span time.Duration) {
	g := &gang{stand: s, api: api, scheduler: scheduler, workers: []*process{s.start("worker"), s.start("worker")}}
	id := s.run(readers, share)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(span); ; {
		for over := false; !over; <-tick.C {
			if rand.IntN(3) == 0 { //nolint:gosec // chaos, no secret
				s.t.Log(g.strike())
			}
			var p fixture.Progress
			err := s.Try(context.WithoutCancel(s.t.Context()), http.MethodGet, "/publications/"+id+"/progress", nil, &p)
			over = err == nil && p.State != "sending" && p.State != "queued" && p.State != "rendering"
		}
		if g.frozen != nil {
			g.frozen.signal(syscall.SIGCONT)
			g.frozen = nil
		}
		s.awaitAPI(s.URL[len("http://"):])
		s.check(id, readers, g.deaths*listed)
		if s.t.Failed() || time.Now().After(end) {
			return
		}
		id = s.Publish(s.t, fixture.Order{Title: fmt.Sprint("Chaos until ", end), Channels: []string{"email"}})
	}
}
