// SPDX-License-Identifier: Apache-2.0

package healthcheck

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
)

// Results of a probe beside those of asking: the status counted or it did not.
const (
	resultUp     = "success"
	resultStatus = "status"
)

// metrics of the probes. Labels: kind (HTTP, HTTPS, TCP), result (a closed list),
// state (healthy, unhealthy, unknown).
type metrics struct {
	verdicts *prometheus.GaugeVec
	held     prometheus.Gauge
	skipped  prometheus.Gauge
	flying   prometheus.Gauge
	probes   *prometheus.CounterVec
	late     prometheus.Counter
	seconds  *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		verdicts: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_healthcheck_verdicts", Help: "Probed entries of this cluster by what their probe says; unknown: not decided yet, or nobody could look.",
		}, []string{"state"}),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_healthcheck_held_verdicts", Help: "Entries that are held to be unknown rather than unhealthy because no probe of any host gets an answer.",
		}),
		skipped: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_healthcheck_skipped_hosts", Help: "Hosts whose health check, or an entry of them, cannot be probed as written; the log says why.",
		}),
		flying: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_healthcheck_running_probes", Help: "Probes that are on their way.",
		}),
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_healthcheck_probes_total", Help: "Probes by kind and result.",
		}, []string{"kind", "result"}),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meridian_healthcheck_late_probes_total", Help: "Probes that began more than a second after they were due, because too many were on their way.",
		}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meridian_healthcheck_probe_seconds", Help: "Time from dialling to the answer of a probe, by kind.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"kind"}),
	}
	for _, c := range []prometheus.Collector{m.verdicts, m.held, m.skipped, m.flying, m.probes, m.late, m.seconds} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	for _, h := range []gslb.Health{gslb.HealthUnknown, gslb.Healthy, gslb.Unhealthy} {
		m.verdicts.WithLabelValues(h.String())
	}
	return m, nil
}

// probed counts one answer.
func (m *metrics) probed(c *check, a ask.Answer, seconds float64) {
	kind, result := string(c.spec.Kind), string(a.Result)
	switch o, _ := c.judge(a); {
	case o == up:
		result = resultUp
	case a.Result == ask.OK:
		result = resultStatus
	}
	m.probes.WithLabelValues(kind, result).Inc()
	if a.Result != ask.Local {
		m.seconds.WithLabelValues(kind).Observe(seconds)
	}
}
