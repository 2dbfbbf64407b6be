package chaos

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

const (
	// patience bounds whatever is waited for: a takeover (15 s), a reconciler's patience (30 s), a busy machine.
	patience = 3 * time.Minute
	// connections is how many sends a worker may have under way.
	connections = 16
	// listed is how many recipients a dying worker may leave uncertain: 2 × the largest window × connections.
	listed = 2 * 16 * connections
)

// stand is a Presswork to be knocked about: private servers on disk, stand-in providers, and any number of processes
// of the program.
type stand struct {
	*fixture.Newsroom
	*receivers
	t       *testing.T
	stack   *devstack.Stack
	program string
	env     []string
	pool    *pgxpool.Pool
	started int
}

// newStand starts the servers, an API and a scheduler.
func newStand(t *testing.T, program string) (s *stand, api, scheduler *process) {
	t.Helper()
	s = bareStand(t, program)
	address := ownAddress(t)
	s.env = environment(address, s.stack.DatabaseURL(), s.stack.RedisURL())
	api = s.start("api")
	s.awaitAPI(address)
	scheduler = s.start("scheduler")
	s.Newsroom = fixture.NewNewsroom(t, fixture.NewAPI(t, "http://"+address), s.at)
	return s, api, scheduler
}

// bareStand starts the servers and the providers.
func bareStand(t *testing.T, program string) *stand {
	t.Helper()
	stack, err := devstack.Start(t.Context(), devstack.Options{Durable: true, RequireRedis: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	pool, err := pgxpool.New(t.Context(), stack.DatabaseURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &stand{receivers: startReceivers(t, program), t: t, stack: stack, program: program, pool: pool}
}

// environment is what a process is told: where its API listens, and how it reaches the servers.
func environment(address, database, redis string) []string {
	return []string{
		"ENVIRONMENT=development", "DATABASE_URL=" + database, "REDIS_URL=" + redis,
		"SECRET_KEY=" + fixture.Secret, "PRESSWORK_API_KEY=" + fixture.Key, "PUBLIC_URL=http://" + address,
		"PRESSWORK_LISTEN=" + address, "PRESSWORK_OPS_LISTEN=127.0.0.1:0", "PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=true",
		fmt.Sprintf("PRESSWORK_CONNECTIONS=%d", connections),
		"PRESSWORK_WEBHOOK_RETRIES=2s,4s,8s,8s,8s,8s,8s,8s", // nobody waits for hours here
		// Counted and never reached: everything comes from one address here.
		"PRESSWORK_RATE_ADDRESS=100000000", "PRESSWORK_RATE_PRINCIPAL=100000000", "PRESSWORK_RATE_TRACKING=100000000",
		"PRESSWORK_RATE_PAGES=100000000", "PRESSWORK_RATE_ONE_CLICK=100000000", "PRESSWORK_RATE_HOOKS=100000000",
	}
}

// start runs a role as a process of its own.
func (s *stand) start(role string) *process {
	s.t.Helper()
	s.started++
	return launch(s.t, s.program, fmt.Sprintf("%s-%d", role, s.started), s.env, role)
}

func (s *stand) awaitAPI(address string) {
	s.t.Helper()
	probe := fixture.NewAPI(s.t, "http://"+address)
	fixture.Until(s.t, patience, "the API to answer", func() (bool, string) {
		answer, err := probe.Send(s.t.Context(), http.MethodGet, "/readyz", nil)
		return err == nil && answer.Status == http.StatusOK, fmt.Sprint(answer.Status, err)
	})
}

// flushall empties Redis.
func (s *stand) flushall() {
	s.t.Helper()
	if err := s.tryFlushall(); err != nil {
		s.t.Fatal(err)
	}
}

// tryFlushall is flushall for a Redis that may be down.
func (s *stand) tryFlushall() error {
	options, err := redis.ParseURL(s.stack.RedisURL())
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	return errors.Join(client.FlushAll(s.t.Context()).Err(), client.Close())
}

// value is the result of a query about the record itself.
func value[T any](s *stand, query string, args ...any) T {
	s.t.Helper()
	var v T
	if err := s.pool.QueryRow(s.t.Context(), query, args...).Scan(&v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// run publishes to so many readers by e-mail, each mail taking a while, and waits until a share has arrived.
func (s *stand) run(readers, share int) string {
	s.t.Helper()
	s.ConnectSMTP(s.t, "email")
	s.Subscribe(s.t, fixture.People("chaos", readers))
	s.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: 10 * time.Millisecond})
	id := s.Publish(s.t, fixture.Order{Title: "Chaos", Channels: []string{"email"}})
	fixture.Until(s.t, patience, "a share to arrive", func() (bool, string) {
		n, _ := s.arrived(id, "email")
		return n >= share, s.Progress(s.t, id).String()
	})
	return id
}

// midRun fails unless the fault strikes while recipients are still owed.
func (s *stand) midRun(id string, readers int) {
	s.t.Helper()
	if n, _ := s.arrived(id, "email"); n >= readers {
		s.t.Fatalf("the run of %d was over before the fault", readers)
	}
}

// check waits for the end of a run and compares the ledger with what the receiver counted: everybody was sent to once
// or is listed as uncertain, and no more are uncertain than may be.
func (s *stand) check(id string, readers, mayBeUncertain int) {
	s.t.Helper()
	s.Await(s.t, id, "completed", patience)
	var p fixture.Progress
	var uncertain int
	// A worker that was fenced may still give evidence, which moves the ledger and then what is shown of it.
	fixture.Until(s.t, patience, "the ledger and the progress to agree", func() (bool, string) {
		p = s.Progress(s.t, id)
		uncertain = value[int](s, `
			SELECT count(*)::int FROM delivery d JOIN publication p ON p.id = d.publication_id
			WHERE p.uid = $1 AND d.state = 7`, id)
		return p.All.Uncertain == int64(uncertain) && p.All.Sent+p.All.Uncertain == int64(readers), fmt.Sprint(p, uncertain)
	})
	arrived, doubles := s.arrived(id, "email")
	owed := value[int](s, `SELECT count(*)::int FROM delivery WHERE state IN (0, 1)`)
	s.t.Logf("%d arrived, %d twice, %d uncertain; %s", arrived, doubles, uncertain, p)
	if doubles != 0 || owed != 0 {
		s.t.Errorf("%d arrived twice, %d are owed", doubles, owed)
	}
	if arrived < int(p.All.Sent) || arrived > readers {
		s.t.Errorf("%d arrived", arrived)
	}
	if uncertain > mayBeUncertain {
		s.t.Errorf("%d are uncertain, at most %d may be", uncertain, mayBeUncertain)
	}
}
