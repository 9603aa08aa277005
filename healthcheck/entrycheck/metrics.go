// SPDX-License-Identifier: Apache-2.0

package entrycheck

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/healthcheck/internal/ask"
)

// Results of an entry check beside those of asking.
const (
	resultVouched = "vouched"
	resultStatus  = "status" // an HTTP status of 500 or more
)

type metrics struct {
	checks  *prometheus.CounterVec
	entries prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_healthcheck_entry_checks_total", Help: "Entries of silent clusters that were asked as a client would, by result; vouched: the entry serves.",
		}, []string{"result"}),
		entries: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_healthcheck_entry_check_entries", Help: "Entries of silent clusters that are being asked now and then; 0 while every cluster is heard.",
		}),
	}
	for _, c := range []prometheus.Collector{m.checks, m.entries} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	m.checks.WithLabelValues(resultVouched)
	return m, nil
}

func (m *metrics) asked(q ask.Question, a ask.Answer) {
	result := string(a.Result)
	switch {
	case vouches(q, a):
		result = resultVouched
	case a.Result == ask.OK:
		result = resultStatus
	}
	m.checks.WithLabelValues(result).Inc()
}
