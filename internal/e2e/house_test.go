package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// patience is how long anything may take that normally takes less than a second or two: the machine may be busy with other tests.
const patience = 3 * time.Minute

// house is a deployment of Presswork in this process: a database, a Redis, stand-in providers, and any number
// of running roles.
type house struct {
	*fixture.Newsroom
	Sandbox *sandbox.Sandbox
	t       *testing.T
	config  config.Config
	logs    *observer.ObservedLogs
	log     *zap.Logger
	apps    []*app.App
	pool    *pgxpool.Pool
}

// servers are what a house stands on; empty ones are taken from the testkit.
type servers struct{ database, redis string }

// open starts a house with the API, a scheduler and, unless told otherwise, a worker.
func open(t *testing.T, roles ...app.Role) *house {
	t.Helper()
	if len(roles) == 0 {
		roles = []app.Role{app.API, app.Worker, app.Scheduler}
	}
	return openOn(t, servers{dbtest.New(t), redistest.New(t)}, roles...)
}

// openOn is open on servers of the caller's.
func openOn(t *testing.T, on servers, roles ...app.Role) *house {
	t.Helper()
	return openWith(t, on, func(*config.Config) {}, roles...)
}

// openWith is openOn with settings of the caller's.
func openWith(t *testing.T, on servers, change func(*config.Config), roles ...app.Role) *house {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	core, logs := observer.New(zapcore.DebugLevel)
	h := &house{Sandbox: s, t: t, logs: logs, log: zap.New(core)}
	h.config = config.Config{
		Environment: "development", DatabaseURL: on.database, RedisURL: on.redis,
		SecretKey: fixture.Secret, APIKey: fixture.Key, Organisation: "The House",
		Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", QueueWeights: tasks.Queues(),
		UrgentSlots: 4, BulkSlots: 4, Connections: 8, DatabasePool: 10, AllowPrivate: true, ShutdownGrace: 20 * time.Second,
		PreferencesCached: 5 * time.Minute,
		BreakerOpen:       2 * time.Second, // a test that injects errors may open a circuit
		WebhookRetries:    []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second},
	}
	change(&h.config)
	t.Cleanup(h.close)
	first := h.start(nil, roles...)
	h.config.PublicURL = first.APIURL
	h.Newsroom = fixture.NewNewsroom(t, fixture.NewAPI(t, first.APIURL), s.Addresses)
	h.pool = dbtest.Connect(t, on.database)
	return h
}

// start runs roles as one more process would, until stop or the end of the test.
func (h *house) start(change func(*config.Config), roles ...app.Role) *app.App {
	h.t.Helper()
	c := h.config
	if change != nil {
		change(&c)
	}
	a, err := app.New(h.t.Context(), &c, h.log, roles...)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := a.Start(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.apps = append(h.apps, a)
	return a
}

// stop shuts roles down as a deployment does: what is under way finishes or goes back.
func (h *house) stop(a *app.App) {
	h.t.Helper()
	h.apps = slices.DeleteFunc(h.apps, func(b *app.App) bool { return a == b })
	if err := a.Close(); err != nil {
		h.t.Errorf("stop: %v", err)
	}
}

func (h *house) close() {
	for len(h.apps) > 0 {
		h.stop(h.apps[len(h.apps)-1])
	}
	for _, line := range leaks(h.t, h.logs.All(), []string{fixture.Key, fixture.Secret, "made-up"}) {
		h.t.Errorf("an address or a secret is in the log: %s", line)
	}
	for _, entry := range h.logs.All() {
		if h.t.Failed() && entry.Level > zapcore.InfoLevel {
			h.t.Log(entry.Level, entry.Message, entry.ContextMap())
		}
	}
}

// value is the result of a query about the record itself.
func value[T any](h *house, query string, args ...any) T {
	h.t.Helper()
	var v T
	if err := h.pool.QueryRow(h.t.Context(), query, args...).Scan(&v); err != nil {
		h.t.Fatal(err)
	}
	return v
}

// arrived is how many recipients of a publication the provider of a channel got something for, and how often
// more than once.
func (h *house) arrived(id, channel string) (recipients, doubles int) {
	for identity, n := range h.Sandbox.Identities(channel) {
		if len(identity) > len(id) && identity[:len(id)] == id {
			recipients++
			doubles += n - 1
		}
	}
	return recipients, doubles
}

// wantOnce fails unless exactly so many recipients of a publication got it on a channel, each once.
func (h *house) wantOnce(id, channel string, want int) {
	h.t.Helper()
	if got, doubles := h.arrived(id, channel); got != want || doubles != 0 {
		h.t.Errorf("%s: %d recipients got it and %d of them twice, want %d and none", channel, got, doubles, want)
	}
}

// awaitArrivals waits until at least so many recipients got a publication on a channel.
func (h *house) awaitArrivals(id, channel string, least int) {
	h.t.Helper()
	fixture.Until(h.t, patience, "arrivals", func() (bool, string) {
		n, _ := h.arrived(id, channel)
		return n >= least, h.Progress(h.t, id).String()
	})
}

// serving changes the queues of a worker.
func serving(queues string) func(*config.Config) {
	return func(c *config.Config) {
		weights, err := config.ParseQueues(queues)
		if err != nil {
			panic(err)
		}
		c.QueueWeights = weights
	}
}
