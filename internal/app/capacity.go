package app

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/ops"
	"github.com/presswork/presswork/internal/postgres"
)

// AddPools lets the process say how many workers each pool should have: on the operators' listener and as metrics. The
// roles api and scheduler do, so that a pool without workers is seen too.
func (a *App) AddPools() error {
	settings := capacity.Settings{Objective: a.Config.PoolObjective, Stable: a.Config.PoolStable,
		DatabasePool: a.Config.DatabasePool, DatabaseConnections: a.Config.DatabaseConnections}
	for _, p := range a.Config.PoolList {
		settings.Pools = append(settings.Pools, capacity.Pool{Name: p.Name, Queues: p.Queues, Min: p.Min, Max: p.Max})
	}
	a.pools = capacity.NewWatch(settings, postgres.NewCapacity(a.db), a.rates, a.queue.Tasks)
	return a.Metrics.Register(newPoolCollector(a.pools))
}

// opsPools and opsWorker are nil, and not a pointer that is, where the process has none.
func (a *App) opsPools() ops.Pools {
	if a.pools == nil {
		return nil
	}
	return a.pools
}

func (a *App) opsWorker() ops.Drainer {
	if a.heart == nil {
		return nil
	}
	return a.heart
}

// poolPatience bounds the reading of the pools for a scrape.
const poolPatience = 5 * time.Second

// poolCollector reads the pools when the metrics are scraped.
type poolCollector struct {
	pools   *capacity.Watch
	work    *prometheus.Desc
	limited *prometheus.Desc
	gauges  []poolGauge
}

type poolGauge struct {
	desc *prometheus.Desc
	of   func(*capacity.Status) float64
}

func newPoolCollector(pools *capacity.Watch) poolCollector {
	gauge := func(name, help string, of func(*capacity.Status) float64) poolGauge {
		return poolGauge{prometheus.NewDesc("presswork_pool_"+name, help, []string{"pool"}, nil), of}
	}
	return poolCollector{
		pools:   pools,
		work:    prometheus.NewDesc("presswork_pool_owed", "What a pool owes: recipients, and other tasks.", []string{"pool", "state"}, nil),
		limited: prometheus.NewDesc("presswork_pool_limited_by", "1 for what limits the pool: workers, provider, database, paused, nothing.", []string{"pool", "by"}, nil),
		gauges: []poolGauge{
			gauge("desired_replicas", "Workers that the pool should have.", func(s *capacity.Status) float64 { return float64(s.Desired) }),
			gauge("replicas", "Workers that the pool has.", func(s *capacity.Status) float64 { return float64(s.Replicas) }),
			gauge("backlog_seconds", "How long what is owed takes the workers that are there.", func(s *capacity.Status) float64 { return s.Backlog }),
			gauge("oldest_seconds", "How long the oldest of what is owed has been due.", func(s *capacity.Status) float64 { return s.OldestAge }),
			gauge("service_time_seconds", "How long a recipient, or another task, takes.", func(s *capacity.Status) float64 { return s.ServiceTime }),
			gauge("throughput_per_second", "Recipients, and other tasks, done a second.", func(s *capacity.Status) float64 { return s.Throughput }),
		},
	}
}

// Describe is prometheus.Collector's.
func (c poolCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.work
	to <- c.limited
	for _, g := range c.gauges {
		to <- g.desc
	}
}

// Collect is prometheus.Collector's. With PostgreSQL away there is nothing to tell.
func (c poolCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), poolPatience)
	defer cancel()
	list, err := c.pools.Pools(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.work, err)
		return
	}
	for s := range slices.Values(list) {
		for _, g := range c.gauges {
			to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.of(&s), s.Pool)
		}
		for state, n := range map[string]int64{"ready": s.Ready, "running": s.Running, "unexpanded": s.Unexpanded,
			"scheduled_soon": s.ScheduledSoon, "retrying": s.Retrying, "later": s.Later, "paused": s.Paused} {
			to <- prometheus.MustNewConstMetric(c.work, prometheus.GaugeValue, float64(n), s.Pool, state)
		}
		to <- prometheus.MustNewConstMetric(c.limited, prometheus.GaugeValue, 1, s.Pool, s.LimitedBy)
	}
}
