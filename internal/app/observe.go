package app

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/ops"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/queue"
	"github.com/presswork/presswork/tasks"
)

// observe registers what is read when it is asked for.
func (a *App) observe() error {
	return errors.Join(
		a.Metrics.Gauge("presswork_database_connections_in_use", "Connections borrowed from the pool.",
			func() float64 { return float64(a.db.Stat().Acquired) }),
		a.Metrics.Gauge("presswork_database_connections_max", "Most connections the pool may open.",
			func() float64 { return float64(a.db.Stat().Max) }),
		a.Metrics.Gauge("presswork_redis_connections_in_use", "Connections borrowed from the pool.",
			func() float64 { s := a.queue.Redis().PoolStats(); return float64(s.TotalConns - s.IdleConns) }),
		a.Metrics.Gauge("presswork_redis_connections_max", "Most connections the pool may open.",
			func() float64 { return queue.PoolSize }),
		a.Metrics.Register(newQueueCollector(a.queue)),
	)
}

// observeEvents counts tracking events, those too that were lost because PostgreSQL was away for too long.
func (a *App) observeEvents(events *postgres.EventWriter) error {
	stored := func() float64 { n, _ := events.Counts(); return float64(n) }
	dropped := func() float64 { _, n := events.Counts(); return float64(n) }
	return errors.Join(
		a.Metrics.Counter("presswork_events_stored_total", "Opens and clicks that were stored.", stored),
		a.Metrics.Counter("presswork_events_dropped_total", "Opens and clicks that were lost.", dropped),
	)
}

// queueCollector reads the queues when the metrics are scraped.
type queueCollector struct {
	queue              *queue.Queue
	names              []string
	depth, age, paused *prometheus.Desc
}

func newQueueCollector(q *queue.Queue) queueCollector {
	c := queueCollector{queue: q,
		depth:  prometheus.NewDesc("presswork_queue_tasks", "Tasks by queue and state.", []string{"queue", "state"}, nil),
		age:    prometheus.NewDesc("presswork_queue_oldest_seconds", "Age of the oldest pending task.", []string{"queue"}, nil),
		paused: prometheus.NewDesc("presswork_queue_paused", "1 while the queue is paused.", []string{"queue"}, nil),
	}
	for name := range tasks.Queues() {
		c.names = append(c.names, name)
	}
	return c
}

// Describe is prometheus.Collector's.
func (c queueCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.depth
	to <- c.age
	to <- c.paused
}

// Collect is prometheus.Collector's. With Redis away there is nothing to tell.
func (c queueCollector) Collect(to chan<- prometheus.Metric) {
	list, err := c.queue.Depths(c.names)
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.depth, err)
		return
	}
	for _, d := range list {
		for state, n := range map[string]int{"pending": d.Pending, "active": d.Active, "scheduled": d.Scheduled, "retry": d.Retry, "archived": d.Archived} {
			to <- prometheus.MustNewConstMetric(c.depth, prometheus.GaugeValue, float64(n), d.Queue, state)
		}
		to <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, d.Latency.Seconds(), d.Queue)
		paused := 0.0
		if d.Paused {
			paused = 1
		}
		to <- prometheus.MustNewConstMetric(c.paused, prometheus.GaugeValue, paused, d.Queue)
	}
}

// opsPatience is how long a process that stops waits for operators: enough for a scrape. It does not hold up the rest
// for a profile of half a minute.
const opsPatience = time.Second

// AddOps adds the operators' listener.
func (a *App) AddOps(ctx context.Context) error {
	l, err := a.listen(ctx, a.Config.OpsListen)
	if err != nil {
		return err
	}
	a.OpsURL = urlOf(l)
	handler, err := ops.New(ops.Deps{
		Metrics: a.Metrics.Handler(), Redis: a.queue, Auth: a.opsGate(), Refused: a.access.refused, Log: a.Log, Ready: a.ready,
		Pools: a.opsPools(), Worker: a.opsWorker(),
	})
	if err != nil {
		return err
	}
	listener := a.listener("ops", l, handler)
	stop := listener.stop
	listener.stop = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, opsPatience)
		defer cancel()
		if err := stop(ctx); err != nil {
			a.Log.Info("a request of an operator was cut short", zap.Error(err))
		}
		return handler.Close()
	}
	a.add(listener)
	return nil
}

// ready says whether both servers can be used, and how many channels only pretend to send; which ones is for those who
// are known.
func (a *App) ready(ctx context.Context, known bool) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	database, redis := a.db.Ping(ctx), a.queue.Ping(ctx)
	word := map[bool]string{true: "ok", false: "unavailable"}
	health := map[string]any{"database": word[database == nil], "redis": word[redis == nil]}
	if database == nil {
		names, err := a.placeholders(ctx)
		if err != nil {
			return health, err
		}
		health["placeholder_channels"] = len(names)
		if known {
			health["placeholder_names"] = names
		}
	}
	if database == nil {
		// What receivers think of a sender says nothing about this process: it stays ready.
		if failing, err := a.failingSenders(ctx); err == nil {
			health["failing_senders"] = len(failing)
			if known {
				health["failing_sender_names"] = failing
			}
		}
	}
	if known && database == nil && redis == nil {
		// Whose circuit is open says nothing about this process: it stays ready.
		if broken, err := a.limits.Broken(ctx); err == nil {
			health["open_circuits"] = broken
		}
	}
	return health, errors.Join(database, redis)
}

// failingSenders are the names of the first senders whose mail receivers refuse, as the last verification of each says.
func (a *App) failingSenders(ctx context.Context) ([]string, error) {
	const most = 100
	list, err := a.db.ListFailingSenders(ctx, 0, most)
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	return names, err
}
