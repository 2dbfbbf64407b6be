package chaos

import (
	"syscall"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// fanoutKilled: a worker that dies while it makes the ledger's rows leaves none out.
func fanoutKilled(s *stand, _, _ *process) {
	const many = 20 * readers
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
