// Package app wires everything: it is the only package that knows all the others. Each role (api, worker,
// scheduler) adds its parts to an App; Run starts them. Close stops them in reverse order, connections last.
package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/budget"
	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/webhook"
)

// App is one process.
type App struct {
	Config  *config.Config
	Log     *zap.Logger
	Metrics *telemetry.Metrics
	tracing *telemetry.Tracing // nil: off

	db    *postgres.DB
	queue *queue.Queue
	relay *queue.Relay
	// limits are what the providers take, shared by all processes.
	limits *budget.Budget
	pools  *capacity.Watch // nil: neither api nor scheduler
	heart  *heartbeat      // nil: no worker
	// webhooks posts events; nil: no worker.
	webhooks *webhook.Deliverer
	access   *access

	parts   []part
	closing sync.Once
	closed  error
	// APIURL and OpsURL are where the listeners are, "" if there is none.
	APIURL, OpsURL string
}

// relayPeriod is how often the outbox is looked at when nobody in the process says that there is something in it: a
// process may have died before it relayed what it had committed.
const relayPeriod = 250 * time.Millisecond

// Open connects to PostgreSQL and Redis, waiting for both to be usable, in whatever order things start. The roles are
// what the process calls itself in traces.
func Open(ctx context.Context, c *config.Config, log *zap.Logger, roles ...Role) (*App, error) {
	a := &App{Config: c, Log: log, Metrics: telemetry.NewMetrics()}
	if err := a.open(ctx, roles); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context, roles []Role) error {
	var err error
	if a.tracing, err = tracing(ctx, a.Config, a.Log, roles); err != nil {
		return err
	}
	a.add(part{name: "tracing", stop: func(ctx context.Context) error { return within(ctx, a.lastSpans) }})
	if err := elements(a.Config.ContentElements); err != nil {
		return err
	}
	addresses, err := a.hasher()
	if err != nil {
		return err
	}
	events, consents, err := a.chains()
	if err != nil {
		return err
	}
	erased, err := a.erasedSealer()
	if err != nil {
		return err
	}
	if a.queue, err = queue.Open(a.Config.RedisURL); err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	a.add(part{name: "connections to Redis", stop: func(context.Context) error { return a.queue.Close() }})
	recall, err := a.recall()
	if err != nil {
		return err
	}
	o := postgres.Options{MaxConns: a.Config.DatabasePool, Log: a.Log, Tracer: a.tracing.Tracer(), Addresses: addresses, Audit: events, Consent: consents, Sealer: erased,
		Ended: func(s publication.State) { a.Metrics.Publication(string(s)) }, Announced: a.pokeWebhooks, Recall: recall}
	if a.db, err = postgres.Open(ctx, a.Config.DatabaseURL, o); err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	a.add(part{name: "connections to PostgreSQL", stop: func(ctx context.Context) error { return within(ctx, a.db.Close) }})
	if err := a.addLimits(); err != nil {
		return err
	}
	if err := a.wait(ctx); err != nil {
		return err
	}
	a.relay = queue.NewRelay(a.db, a.queue, relayPeriod, a.Log)
	a.add(background("relay", a.relay.Run))
	if err := a.addAccess(); err != nil {
		return err
	}
	return a.observe()
}

// elements refuses what no operator may let into contents.
func elements(extra []string) error {
	for _, name := range extra {
		if !slices.Contains(content.ExtraElements(), name) {
			return fmt.Errorf("PRESSWORK_CONTENT_ELEMENTS has %q, which is none of %s", name, strings.Join(content.ExtraElements(), ", "))
		}
	}
	return nil
}

// lastSpans hands over what was collected. Losing it is no failure.
func (a *App) lastSpans() {
	if err := a.tracing.Close(); err != nil {
		a.Log.Warn("last spans not handed over", zap.Error(err))
	}
}

// wait waits for both servers, and for the schema.
func (a *App) wait(ctx context.Context) error {
	if err := waitFor(ctx, a.Log, "PostgreSQL", tryTime, a.db.Ping); err != nil {
		return err
	}
	if err := waitFor(ctx, a.Log, "the schema", schemaTime, a.schema); err != nil {
		return err
	}
	return waitFor(ctx, a.Log, "Redis", tryTime, a.queue.Ping)
}

// schema migrates, where that is this process's business, and checks that the schema is the one it needs.
func (a *App) schema(ctx context.Context) error {
	if !a.Config.Production() || a.Config.MigrateURL != "" {
		if err := Migrate(ctx, a.Config); err != nil {
			return err
		}
	}
	return a.db.SchemaReady(ctx)
}

// Start starts every part in order; on an error the App is closed.
func (a *App) Start(ctx context.Context) error {
	for _, p := range a.parts {
		if p.start == nil {
			continue
		}
		if err := p.start(ctx); err != nil {
			return errors.Join(fmt.Errorf("start the %s: %w", p.name, err), a.Close())
		}
	}
	return nil
}

// Close stops every part in reverse order, within ShutdownGrace. Sends that are under way finish, if they do so in
// nine tenths of that time. It may be called in any state, also of an App that was never started, and be repeated:
// later calls return what the first one did.
func (a *App) Close() error {
	a.closing.Do(func() {
		whole, cancel := context.WithTimeout(context.Background(), a.Config.ShutdownGrace)
		defer cancel()
		var errs []error
		for _, p := range slices.Backward(a.parts) {
			errs = append(errs, p.end(whole))
		}
		a.closed = errors.Join(errs...)
	})
	return a.closed
}

// Run starts everything, waits for ctx to end, and stops everything.
func (a *App) Run(ctx context.Context) error {
	if err := a.Start(ctx); err != nil {
		return err
	}
	a.Log.Info("started", zap.String("api", a.APIURL), zap.String("ops", a.OpsURL))
	<-ctx.Done()
	a.Log.Info("stopping")
	return a.Close()
}
