package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/provider/signed"
	"github.com/presswork/presswork/internal/webhook"
)

// backlogPeriod is how often a worker counts the webhooks that wait: for metrics, which are read less often.
const backlogPeriod = 10 * time.Second

// webhooksOfAPI is what the API's routes of webhook endpoints stand on.
func (a *App) webhooksOfAPI(store *postgres.Webhooks) httpapi.Webhooks {
	caller := signed.NewCaller(a.network(), nil)
	a.add(part{name: "tests of webhook endpoints", stop: func(context.Context) error { caller.Close(); return nil }})
	return httpapi.Webhooks{
		Store: store, Tester: webhook.Tester{Caller: caller, Source: a.Config.PublicURL}, Source: a.Config.PublicURL,
		Rules: webhook.Rules{Plain: !a.Config.Production() || a.Config.AllowPrivate}, Poke: a.pokeWebhooks,
	}
}

// pokeWebhooks says that webhooks may be due, to the worker of this process if there is one.
func (a *App) pokeWebhooks() {
	if a.webhooks != nil {
		a.webhooks.Poke()
	}
}

// addWebhooks adds what posts events to endpoints.
func (a *App) addWebhooks(store *postgres.Webhooks) error {
	m, err := a.webhookMetrics()
	if err != nil {
		return err
	}
	caller := signed.NewCaller(a.network(), nil)
	a.webhooks = webhook.NewDeliverer(store, caller, webhook.Options{
		Source: a.Config.PublicURL, Schedule: a.scheduleOf(channel.Webhook.ID()),
		Observe: func(result webhook.Result, took time.Duration) {
			m.posts.WithLabelValues(string(result)).Inc()
			m.took.Observe(took.Seconds())
		},
		Disabled: func(e webhook.Endpoint, why webhook.Reason) {
			m.disabled.WithLabelValues(string(why)).Inc()
			a.Log.Warn("webhook endpoint disabled", zap.Stringer("endpoint", e.UID), zap.String("reason", string(why)))
		},
		Notice: func(message string, err error) {
			a.Log.Warn("webhooks", zap.String("notice", message), zap.Error(err))
		},
	})
	a.add(part{name: "connections to webhook endpoints", stop: func(context.Context) error { caller.Close(); return nil }})
	a.add(background("webhooks", a.webhooks.Run))
	a.add(background("backlog of webhooks", m.count(a.db)))
	return nil
}

// webhookMetrics are those of posting.
type webhookMetrics struct {
	posts, disabled *prometheus.CounterVec
	took            prometheus.Histogram
	backlog         atomic.Pointer[webhook.Backlog]
}

func (a *App) webhookMetrics() (*webhookMetrics, error) {
	m := &webhookMetrics{
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presswork_webhook_posts_total", Help: "Posts of events to webhook endpoints, by what came of them.",
		}, []string{"result"}),
		disabled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presswork_webhook_endpoints_disabled_total", Help: "Webhook endpoints that this process switched off, by why.",
		}, []string{"reason"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "presswork_webhook_duration_seconds", Help: "Time until a webhook endpoint answered a post.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	m.backlog.Store(&webhook.Backlog{})
	for _, result := range webhook.Results() { // at 0 from the beginning: the first of each is seen as one more
		m.posts.WithLabelValues(string(result))
	}
	for _, why := range []webhook.Reason{webhook.Gone, webhook.Failing} {
		m.disabled.WithLabelValues(string(why))
	}
	return m, errors.Join(
		a.Metrics.Register(m.posts), a.Metrics.Register(m.disabled), a.Metrics.Register(m.took),
		a.Metrics.Gauge("presswork_webhook_pending", "Events that wait at webhook endpoints that are on, each endpoint counted.",
			func() float64 { return float64(m.backlog.Load().Pending) }),
		a.Metrics.Gauge("presswork_webhook_late_seconds", "How long the event has been due that is due longest.",
			func() float64 { return m.backlog.Load().Late.Seconds() }),
		a.Metrics.Gauge("presswork_webhook_endpoints_off", "Webhook endpoints that were switched off since they failed or wanted nothing any more.",
			func() float64 { return float64(m.backlog.Load().Off) }),
	)
}

// count reads the backlog now and then. What cannot be read stays as it was: whoever watches PostgreSQL knows.
func (m *webhookMetrics) count(db *postgres.DB) func(context.Context) {
	return func(ctx context.Context) {
		tick := time.NewTicker(backlogPeriod)
		defer tick.Stop()
		for ctx.Err() == nil {
			if b, err := db.WebhookBacklog(ctx); err == nil {
				m.backlog.Store(&b)
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}
}
