package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// The metrics of releases. Labels are words of ours alone; the only series that grow with the number of Canaries are those of
// releases under way, and they go when the release is over.
type metrics struct {
	ended    *prometheus.CounterVec
	lasted   *prometheus.HistogramVec
	events   *prometheus.CounterVec
	intended *prometheus.GaugeVec
}

// newMetrics registers the metrics. awake tells how many Canaries are looked at now.
func newMetrics(into prometheus.Registerer, awake func() int) *metrics {
	m := &metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "serin_releases_ended_total", Help: "Releases that are over, by how they ended.",
		}, []string{"phase"}),
		lasted: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "serin_release_duration_seconds", Help: "From the beginning of a release to its end.",
			Buckets: []float64{30, 60, 120, 300, 600, 1800, 3600, 2 * 3600, 6 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600},
		}, []string{"phase"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "serin_release_events_total", Help: "What happened to releases, by reason.",
		}, []string{"reason"}),
		intended: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "serin_release_weight_ratio", Help: "The canary's share of the requests in releases under way, as the step wants it.",
		}, []string{"namespace", "canary"}),
	}
	up := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "serin_active_canaries", Help: "Canaries that are looked at: a release is under way, or something has to be done.",
	}, func() float64 { return float64(awake()) })
	into.MustRegister(m.ended, m.lasted, m.events, m.intended, up)
	return m
}

// happened counts one event of a release.
func (m *metrics) happened(r releases.Release, e releases.Event) {
	m.events.WithLabelValues(e.Reason).Inc()
	namespace, name := split(r.Canary)
	if !plan.Phase(e.Reason).Over() {
		m.intended.WithLabelValues(namespace, name).Set(r.Plan.Steps[e.Step].Desired.Traffic.Shares[plan.Canary].Percent() / 100)
		return
	}
	m.intended.DeleteLabelValues(namespace, name)
	m.ended.WithLabelValues(e.Reason).Inc()
	m.lasted.WithLabelValues(e.Reason).Observe(e.At.Sub(r.Created).Round(time.Millisecond).Seconds())
}
