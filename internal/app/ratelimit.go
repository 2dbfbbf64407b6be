package app

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/ratelimit"
)

// rateLimits are what each client may ask of the API, shared by all its processes. Where every number is 0 they still hold
// those to theirs who have one of their own.
func (a *App) rateLimits() (httpapi.Limits, error) {
	limiter, err := ratelimit.New(ratelimit.Options{Redis: a.queue.Redis(), Secret: []byte(a.Config.SecretKey),
		Notice: func(message string) { a.Log.Warn("rate limits", zap.String("notice", message)) }})
	if err != nil {
		return httpapi.Limits{}, fmt.Errorf("make the rate limits: %w", err)
	}
	a.add(part{name: "rate limits", stop: func(ctx context.Context) error { return within(ctx, limiter.Close) }})
	c := a.Config
	return httpapi.Limits{Limiter: limiter, Proxies: c.Proxies, Address: c.RateAddress, Principal: c.RatePrincipal, SignIn: c.RateSignIn,
		Tracking: c.RateTracking, Pages: c.RatePages, OneClick: c.RateOneClick, Hooks: c.RateHooks}, a.Metrics.Register(newRateCollector(limiter))
}

// rateCollector reads what was refused when the metrics are scraped.
type rateCollector struct {
	limiter        *ratelimit.Limiter
	refused, alone *prometheus.Desc
}

func newRateCollector(l *ratelimit.Limiter) rateCollector {
	return rateCollector{
		limiter: l,
		refused: prometheus.NewDesc("presswork_rate_limited_total", "Requests that were answered 429, by the limit that was used up.", []string{"limit"}, nil),
		alone:   prometheus.NewDesc("presswork_rate_limits_alone", "1 while this process goes by its own account of the limits, since Redis is away.", nil, nil),
	}
}

// Describe is prometheus.Collector's.
func (c rateCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.refused
	to <- c.alone
}

// Collect is prometheus.Collector's.
func (c rateCollector) Collect(to chan<- prometheus.Metric) {
	alone := 0.0
	if c.limiter.Alone() {
		alone = 1
	}
	to <- prometheus.MustNewConstMetric(c.alone, prometheus.GaugeValue, alone)
	for limit, n := range c.limiter.Refused() {
		to <- prometheus.MustNewConstMetric(c.refused, prometheus.CounterValue, float64(n), limit)
	}
}
