package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/recall"
)

// recall remembers what readers chose; nil: nobody does.
func (a *App) recall() (postgres.Recall, error) {
	if a.Config.PreferencesCached == 0 {
		return nil, nil //nolint:nilnil // none is wanted
	}
	memory := recall.New(a.queue.Redis(), a.Config.PreferencesCached)
	return memory, a.Metrics.Register(newRecallCollector(memory.Counts))
}

// recallCollector reads what was remembered when the metrics are scraped.
type recallCollector struct {
	counts func() recall.Counts
	desc   *prometheus.Desc
}

func newRecallCollector(counts func() recall.Counts) recallCollector {
	return recallCollector{counts, prometheus.NewDesc("presswork_preferences_recalled_total",
		"Preferences that were asked for: found in Redis (hit), or read from PostgreSQL (miss; away: Redis did not answer).", []string{"result"}, nil)}
}

// Describe is prometheus.Collector's.
func (c recallCollector) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect is prometheus.Collector's.
func (c recallCollector) Collect(to chan<- prometheus.Metric) {
	n := c.counts()
	for result, count := range map[string]int64{"hit": n.Hits, "miss": n.Misses, "away": n.Away} {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(count), result)
	}
}
