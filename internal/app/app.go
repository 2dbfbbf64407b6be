// Package app wires everything: it is the only package that knows all the others. Each role (api, worker,
// scheduler) adds its parts to an App; Run starts them and, at the end, stops them in reverse order.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/internal/telemetry"
)

// App is one process.
type App struct {
	Config  *config.Config
	Log     *zap.Logger
	Metrics *telemetry.Metrics

	db    *postgres.DB
	queue *queue.Queue
	relay *queue.Relay

	parts     []part
	listeners []net.Listener
	// APIURL and OpsURL are where the listeners are, "" if there is none.
	APIURL, OpsURL string
}

// part is something that runs from Start to Stop.
type part struct {
	name  string
	start func(ctx context.Context) error
	// stop ends it; ctx says how long that may take.
	stop func(ctx context.Context) error
}

func (a *App) add(p part) { a.parts = append(a.parts, p) }

// background makes a part of a loop that ends with its context.
func background(name string, run func(ctx context.Context)) part {
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background()) // a part ends when it is stopped, in its turn
	return part{
		name:  name,
		start: func(context.Context) error { wg.Go(func() { run(ctx) }); return nil },
		stop:  func(context.Context) error { cancel(); wg.Wait(); return nil },
	}
}

// relayPeriod is how often the outbox is looked at when nobody says that there is something in it.
const relayPeriod = 50 * time.Millisecond

// Open connects to PostgreSQL and Redis, waiting for both to be usable, in whatever order things start.
func Open(ctx context.Context, c *config.Config, log *zap.Logger) (*App, error) {
	a := &App{Config: c, Log: log, Metrics: telemetry.NewMetrics()}
	var err error
	if a.db, err = postgres.Open(ctx, c.DatabaseURL, postgres.Options{MaxConns: c.DatabasePool, Log: log}); err != nil {
		return nil, err
	}
	if a.queue, err = queue.Open(c.RedisURL); err != nil {
		a.db.Close()
		return nil, err
	}
	if err := a.wait(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.relay = queue.NewRelay(a.db, a.queue, relayPeriod, log)
	a.add(background("relay", a.relay.Run))
	if err := a.observe(); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
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

// close lets go of what New and Open took; listeners that serve were closed when they were stopped.
func (a *App) close() error {
	for _, l := range a.listeners {
		_ = l.Close() // closed already, or never used
	}
	a.db.Close()
	return a.queue.Close()
}

// Start starts every part in order; on an error what was started is stopped again.
func (a *App) Start(ctx context.Context) error {
	for i, p := range a.parts {
		if err := p.start(ctx); err != nil {
			a.parts = a.parts[:i]
			return errors.Join(fmt.Errorf("start the %s: %w", p.name, err), a.Stop())
		}
	}
	return nil
}

// Stop stops every part in reverse order and closes the connections. Sends that are under way finish.
func (a *App) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Config.ShutdownGrace)
	defer cancel()
	var errs []error
	for i := len(a.parts) - 1; i >= 0; i-- {
		if err := a.parts[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop the %s: %w", a.parts[i].name, err))
		}
	}
	return errors.Join(append(errs, a.close())...)
}

// Run starts everything, waits for ctx to end, and stops everything.
func (a *App) Run(ctx context.Context) error {
	if err := a.Start(ctx); err != nil {
		return err
	}
	a.Log.Info("started", zap.String("api", a.APIURL), zap.String("ops", a.OpsURL))
	<-ctx.Done()
	a.Log.Info("stopping")
	return a.Stop()
}
