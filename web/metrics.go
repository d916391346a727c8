package web

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what the servers do. Labels are few and known beforehand: no
// tenant, no client, no secret.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	// operations are those of /v1, which are one route.
	operations *prometheus.CounterVec
}

// NewMetrics returns metrics of this process.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_http_requests_total", Help: "Requests answered, by issuer, route and status class.",
		}, []string{"issuer", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatehouse_http_request_duration_seconds", Help: "Time to answer, by issuer and route.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"issuer", "route"}),
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_api_requests_total", Help: "Requests to /v1 answered, by issuer, operation of its description, and status class.",
		}, []string{"issuer", "operation", "status"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.operations, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a value that is read when asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter adds a value that only grows, and is read when asked for.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// routeMeter is the metrics of one route, looked up once.
type routeMeter struct {
	classes  [6]prometheus.Counter
	duration prometheus.Observer
}

func (m *Metrics) route(issuer, pattern string) *routeMeter {
	r := &routeMeter{duration: m.duration.WithLabelValues(issuer, pattern)}
	for i, class := range classes {
		r.classes[i] = m.requests.WithLabelValues(issuer, pattern, class)
	}
	return r
}

func (r *routeMeter) observe(status int, took time.Duration) {
	r.classes[classOf(status)].Inc()
	r.duration.Observe(took.Seconds())
}

// operation counts a request by the operation of /v1 that it was for.
func (m *Metrics) operation(issuer, operation string, status int) {
	if operation != "" {
		m.operations.WithLabelValues(issuer, operation, classes[classOf(status)]).Inc()
	}
}

// classes are the values of the label status.
var classes = [6]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} //nolint:gochecknoglobals // a constant

func classOf(status int) int {
	if class := status / 100; class >= 1 && class <= 5 {
		return class
	}
	return 0
}
