package app

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/budget"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/worker"
)

// addLimits adds what all processes share about the providers.
func (a *App) addLimits() error {
	registry := a.providers()
	a.limits = budget.New(budget.Options{
		Redis: a.queue.Redis(), Process: ident.New().String(),
		Failures: a.Config.BreakerFailures, OpenFor: a.Config.BreakerOpen,
		DefaultRate: func(provider string) channel.Rate {
			p, _ := registry.Provider(provider)
			return p.Rate
		},
		Channels: a.db.EnabledLimits,
		Notice: func(message, target string) {
			a.Log.Warn("limits", zap.String("notice", message), zap.String("channel", target))
		},
	})
	a.add(part{name: "limits", stop: func(ctx context.Context) error { return within(ctx, a.limits.Close) }})
	return a.Metrics.Register(newLimitsCollector(a.limits))
}

// senderLimits are the limits as the worker wants them.
type senderLimits struct{ *budget.Budget }

// Target is the one of a channel.
func (l senderLimits) Target(c channel.Channel) worker.Target { return l.Channel(c) }

// Publication is the gate of one with a rate of its own.
func (l senderLimits) Publication(id int64, kind channel.Kind, perMinute int) delivery.Gate {
	return l.Budget.Publication(id, kind, perMinute)
}

// rates is how many messages a second the providers of each kind of channel take now; a kind without a limit is absent.
func (a *App) rates(ctx context.Context) (map[string]float64, error) {
	rates := map[string]float64{}
	for _, kind := range channel.Kinds() {
		rate, limited, err := a.limits.Rate(ctx, kind)
		if err != nil {
			return nil, err
		}
		if limited {
			rates[string(kind)] = rate
		}
	}
	return rates, nil
}

// quotas keeps what providers said they allow.
type quotas struct {
	mu    sync.Mutex
	known map[string]channel.Quota // by channel
}

func (q *quotas) note(name string, quota channel.Quota) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.known[name] = quota
}

// addQuotas has the providers that tell be asked what they allow, and shows it.
func (a *App) addQuotas(outlets *worker.Outlets) error {
	q := &quotas{known: map[string]channel.Quota{}}
	asking := &worker.Quotas{Outlets: outlets, Log: a.Log, Note: func(ctx context.Context, c channel.Channel, quota channel.Quota) error {
		q.note(c.Name, quota)
		return a.limits.SetQuota(ctx, c.ID, quota)
	}}
	a.add(background("quotas", asking.Run))
	return a.Metrics.Register(q)
}

// Describe is prometheus.Collector's: what there is depends on the channels.
func (q *quotas) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (q *quotas) Collect(to chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, quota := range q.known {
		for of, value := range map[string]float64{"per_second": quota.PerSecond, "per_24h": quota.Per24h, "sent_24h": quota.Sent24h} {
			desc := prometheus.NewDesc("presswork_provider_quota", "What the provider says it allows, and what is used of it.", []string{"target", "of"}, nil)
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, name, of)
		}
	}
}

// limitsCollector reads the limits when the metrics are scraped. Its targets are channels that this process sends by.
type limitsCollector struct {
	limits                    *budget.Budget
	breaker, rate, held, away *prometheus.Desc
}

func newLimitsCollector(b *budget.Budget) limitsCollector {
	return limitsCollector{
		limits:  b,
		breaker: prometheus.NewDesc("presswork_breaker_state", "Circuit of a channel: 0 closed, 1 half-open, 2 open.", []string{"target"}, nil),
		rate:    prometheus.NewDesc("presswork_provider_rate", "Messages a second that a channel may send now, in all processes together; absent: no limit.", []string{"target"}, nil),
		held:    prometheus.NewDesc("presswork_batches_held_total", "Times that a batch was told to wait, by reason.", []string{"target", "reason"}, nil),
		away:    prometheus.NewDesc("presswork_limits_alone", "1 while the limits are not shared, since Redis is away.", nil, nil),
	}
}

// Describe is prometheus.Collector's.
func (c limitsCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.breaker
	to <- c.rate
	to <- c.held
	to <- c.away
}

// Collect is prometheus.Collector's.
func (c limitsCollector) Collect(to chan<- prometheus.Metric) {
	alone := 0.0
	if c.limits.Away() {
		alone = 1
	}
	to <- prometheus.MustNewConstMetric(c.away, prometheus.GaugeValue, alone)
	states := map[channel.CircuitState]float64{channel.CircuitClosed: 0, channel.CircuitHalfOpen: 1, channel.CircuitOpen: 2}
	for _, s := range c.limits.Statuses() {
		to <- prometheus.MustNewConstMetric(c.breaker, prometheus.GaugeValue, states[s.Circuit], s.Channel)
		if s.PerSecond > 0 {
			to <- prometheus.MustNewConstMetric(c.rate, prometheus.GaugeValue, s.PerSecond, s.Channel)
		}
		for why, n := range s.Held {
			to <- prometheus.MustNewConstMetric(c.held, prometheus.CounterValue, float64(n), s.Channel, why)
		}
	}
}
