package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is every metric that is counted as things happen. What can be read at any time (queue depths, pool
// use) is collected when it is asked for: see Register.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.HistogramVec
	deliveries *prometheus.CounterVec
	ended      *prometheus.CounterVec
	sends      *prometheus.HistogramVec
	tasks      *prometheus.HistogramVec
	failures   *prometheus.CounterVec
}

// NewMetrics makes the metrics of one process.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "presswork_http_request_duration_seconds", Help: "Time to answer an API request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "status"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presswork_deliveries_total", Help: "Attempts to deliver, by channel and outcome.",
		}, []string{"channel", "outcome"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presswork_publications_total", Help: "Publications that ended, by their state, in the process that ended them.",
		}, []string{"state"}),
		sends: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "presswork_send_duration_seconds", Help: "Time of one call to a provider, rendering included.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"channel"}),
		tasks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "presswork_task_duration_seconds", Help: "Time of one task.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 60},
		}, []string{"kind"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presswork_task_failures_total", Help: "Tasks that returned an error.",
		}, []string{"kind"}),
	}
	m.registry.MustRegister(m.requests, m.deliveries, m.ended, m.sends, m.tasks, m.failures,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts an answered request. route is the route's pattern, never the path. traceID, unless it is empty, is
// kept as the exemplar of the histogram's bucket.
func (m *Metrics) Request(method, route string, status int, took time.Duration, traceID string) {
	histogram := m.requests.WithLabelValues(method, route, strconv.Itoa(status))
	if with, ok := histogram.(prometheus.ExemplarObserver); ok && traceID != "" {
		with.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": traceID})
		return
	}
	histogram.Observe(took.Seconds())
}

// Delivery counts an attempt.
func (m *Metrics) Delivery(channel, outcome string, took time.Duration) {
	m.deliveries.WithLabelValues(channel, outcome).Inc()
	m.sends.WithLabelValues(channel).Observe(took.Seconds())
}

// Publication counts one that ended, by its final state.
func (m *Metrics) Publication(state string) { m.ended.WithLabelValues(state).Inc() }

// Task counts a task.
func (m *Metrics) Task(kind string, took time.Duration, err error) {
	m.tasks.WithLabelValues(kind).Observe(took.Seconds())
	if err != nil {
		m.failures.WithLabelValues(kind).Inc()
	}
}

// Register adds a collector that reads its values when it is asked.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// Describe tells of every metric there can be, also of those that nothing has been counted of yet. It is prometheus.Collector's.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) { m.registry.Describe(to) }

// Gauge adds a gauge that is read when it is asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) error {
	return m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter adds a counter that is read when it is asked for.
func (m *Metrics) Counter(name, help string, read func() float64) error {
	return m.registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// Handler serves the metrics. Those that cannot be read just now are left out; the others are needed then most.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, ErrorHandling: promhttp.ContinueOnError})
}
