// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the numbers of a Source.
type metrics struct {
	objects  *prometheus.GaugeVec // by kind
	problems *prometheus.GaugeVec // by severity
	changes  prometheus.Counter
	blind    prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		objects: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_files_objects", Help: "Objects read from the folder of manifests.",
		}, []string{"kind"}),
		problems: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_files_problems", Help: "Problems of the manifests; an error means that the last good state is served.",
		}, []string{"severity"}),
		changes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meridian_files_changes_total", Help: "Times that the folder of manifests was found changed.",
		}),
		blind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_files_blind", Help: "Whether the folder of manifests cannot be read (1) or can (0).",
		}),
	}
	return m, errors.Join(r.Register(m.objects), r.Register(m.problems), r.Register(m.changes), r.Register(m.blind))
}
