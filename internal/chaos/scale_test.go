package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/program"
)

// What the pool of this test is: a worker sends 80 mails a second at most, and the burst is of 25 seconds' work for one;
// in `make chaos` it is longer.
const (
	shortBurst, longBurst = 2000, 8000

	objective = 5 * time.Second
	most      = 4
)

// TestScale follows the contract of docs/scaling.md as an autoscaler does: it starts and drains real workers by what the
// scheduler asks for, through a burst, with one worker drained by hand in the middle.
func TestScale(t *testing.T) {
	t.Parallel()
	burst := shortBurst
	if os.Getenv(seedVariable) != "" {
		burst = longBurst
	}
	s, _, _ := newStand(t, program.Build(t))
	s.env = append(s.env, "PRESSWORK_CONNECTIONS=8", "PRESSWORK_DATABASE_POOL=5", fmt.Sprintf("PRESSWORK_POOLS=all:1-%d=*", most),
		"PRESSWORK_POOL_OBJECTIVE="+objective.String(), "PRESSWORK_POOL_STABLE=5s")
	f := &scaler{stand: s, asked: s.opsOf(s.start("scheduler"))}
	f.follow() // the least is one, though nothing is owed
	s.ConnectSMTP(t, "email")
	s.Subscribe(t, fixture.People("scale", burst))
	s.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: 100 * time.Millisecond})
	id := s.Publish(t, fixture.Order{Title: "Burst", Channels: []string{"email"}})
	fixture.Until(t, patience, "more workers to be asked for, and the burst to be half done", func() (bool, string) {
		status := f.follow()
		n, _ := s.arrived(id, "email")
		return f.highest > 1 && n > burst/2, fmt.Sprint(n, " arrived; ", status)
	})
	s.midRun(id, burst)
	f.drain() // one that is in the midst of it
	fixture.Until(t, patience, "the burst to end, and the workers to go", func() (bool, string) {
		status := f.follow()
		n, _ := s.arrived(id, "email")
		return n == burst && status.Desired == 1 && status.Replicas == 1 && len(f.workers) == 1, fmt.Sprint(n, " arrived; ", status)
	})
	s.check(id, burst, 0)
	t.Logf("up to %d workers, %d turns", f.highest, f.turns)
	if f.highest > most || f.turns > 3 {
		t.Errorf("up to %d workers and %d changes of direction", f.highest, f.turns)
	}
}

// scaler starts and stops workers as it is told.
type scaler struct {
	*stand
	asked   *fixture.API // the operators' listener of a scheduler
	workers []*process
	highest int
	turns   int // changes of direction
	last    int // the last direction
	before  int // asked for before
}

// follow asks once and does what the answer says.
func (f *scaler) follow() capacity.Status {
	f.t.Helper()
	var s capacity.Status
	f.ops(f.asked, http.MethodGet, "/autoscale/v1/pools/all", &s)
	direction := max(-1, min(1, s.Desired-f.before))
	if f.before > 0 && direction != 0 && direction != f.last {
		f.turns++
		f.last = direction
	}
	f.before, f.highest = s.Desired, max(f.highest, s.Desired)
	for len(f.workers) < min(s.Desired, 2*most) {
		f.workers = append(f.workers, f.start("worker"))
	}
	for len(f.workers) > s.Desired {
		f.drain()
	}
	return s
}

// drain empties a worker and stops it, as a preStop hook and SIGTERM do.
func (f *scaler) drain() {
	f.t.Helper()
	victim := f.workers[0]
	f.workers = f.workers[1:]
	at := f.opsOf(victim)
	var state struct {
		Draining bool
		InFlight int `json:"in_flight"`
	}
	f.ops(at, http.MethodPost, "/drain", &state)
	fixture.Until(f.t, patience, "a worker to finish what it has", func() (bool, string) {
		f.ops(at, http.MethodGet, "/drain", &state)
		return state.Draining && state.InFlight == 0, fmt.Sprint(state)
	})
	victim.signal(syscall.SIGTERM)
	<-victim.ended
}

// ops asks an operators' listener, and reads the answer into out.
func (f *scaler) ops(at *fixture.API, method, path string, out any) {
	f.t.Helper()
	answer, err := at.Send(context.WithoutCancel(f.t.Context()), method, path, nil, "Authorization", "Bearer "+fixture.Key)
	if err != nil || answer.Status >= http.StatusMultipleChoices {
		f.t.Fatalf("%s %s: %d %s %v", method, path, answer.Status, answer.Body, err)
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
}

var opsAddress = regexp.MustCompile(`"ops":"http://localhost:(\d+)"`)

// opsOf is the operators' listener that a process says in its log.
func (s *stand) opsOf(p *process) *fixture.API {
	s.t.Helper()
	var port string
	fixture.Until(s.t, patience, "a process to say where it listens", func() (bool, string) {
		written, err := os.ReadFile(p.log)
		if err != nil {
			return false, err.Error()
		}
		found := opsAddress.FindSubmatch(written)
		if found != nil {
			port = string(found[1])
		}
		return found != nil, ""
	})
	return fixture.NewAPI(s.t, "http://127.0.0.1:"+port)
}
