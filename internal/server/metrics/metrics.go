// Package metrics counts what the server does, for Prometheus: requests by route and status, and gauges that are read at scrape time from
// whoever knows them (queue length, connected runners, leases).
//
// Labels are bounded: the route's pattern, never a path with names in it.
//
// The server root calls it, and no other room does.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one server's registry of metrics; servers in one process do not share any.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// New makes the metrics of a server of the given version and commit.
func New(version, commit string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tacho_http_requests_total", Help: "Requests by method, route and status.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tacho_http_request_seconds", Help: "Time to answer, by route; streams and long polls are left out.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8), // 1 ms … 16 s
		}, []string{"route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tacho_build_info", Help: "1, with the version and the commit as labels.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a gauge that is read at each scrape. It must be quick and safe for concurrent use.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tacho_" + name, Help: help}, read))
}

// Counter adds a counter with one label, which is read at each scrape as a gauge is. Counters of one name differ in the label's value.
func (m *Metrics) Counter(name, help, label, value string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "tacho_" + name, Help: help, ConstLabels: prometheus.Labels{label: value},
	}, read))
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Middleware counts each request under the pattern that the inner ServeMux matched.
func (m *Metrics) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		route := r.Pattern
		if route == "" {
			route = "other"
		}
		m.requests.WithLabelValues(method(r.Method), route, strconv.Itoa(seen.status)).Inc()
		if !seen.stream {
			m.duration.WithLabelValues(route).Observe(time.Since(begun).Seconds())
		}
	})
}

// method keeps the label bounded: a client may send any word.
func method(s string) string {
	switch s {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return s
	}
	return "other"
}

// statusWriter remembers the status, and whether the answer was a stream: flushed, hijacked or a long poll's 204.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
	stream bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
		w.stream = w.stream || status == http.StatusNoContent || status == http.StatusSwitchingProtocols
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach Flush and Hijack of the inner writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush marks the answer as a stream.
func (w *statusWriter) Flush() {
	w.stream = true
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}
