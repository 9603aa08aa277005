// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What is asked, and what comes of it, as metrics name them.
const (
	askedSOA  = "soa"
	askedHost = "host"

	gotAddresses = "addresses" // or the SOA
	gotNone      = "none"
	gotUnknown   = "unknown"
	gotSilence   = "silence"
)

type metrics struct {
	questions *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{questions: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "meridian_peers_k8gb_questions_total",
		Help: "Questions to clusters that run k8gb, by kind (soa, host) and what came (addresses or the SOA, none, unknown, silence).",
	}, []string{"kind", "result"})}
	for _, asked := range []string{askedSOA, askedHost} {
		for _, result := range []string{gotAddresses, gotNone, gotUnknown, gotSilence} {
			m.questions.WithLabelValues(asked, result)
		}
	}
	return m
}

func (m *metrics) register(r prometheus.Registerer, a *Asker) error {
	gauge := func(name, help string, f func([]Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "meridian_peers_k8gb_" + name, Help: help}, func() float64 { return f(a.Clusters()) })
	}
	return errors.Join(
		r.Register(m.questions),
		r.Register(gauge("clusters", "Clusters that are asked because they run k8gb.", func(all []Status) float64 { return float64(len(all)) })),
		r.Register(gauge("silent_clusters", "Those of them that did not answer for the zone within the lease.", func(all []Status) float64 {
			n := 0
			for _, s := range all {
				if s.Heard.IsZero() || time.Since(s.Heard) >= lease {
					n++
				}
			}
			return float64(n)
		})),
		r.Register(gauge("hosts", "Hosts for which clusters that run k8gb answered addresses, summed up.", func(all []Status) float64 {
			n := 0
			for _, s := range all {
				n += s.Hosts
			}
			return float64(n)
		})),
		r.Register(gauge("round_seconds", "Time in which a cluster that runs k8gb is asked about every host once; the longest of all.", func(all []Status) float64 {
			var most time.Duration
			for _, s := range all {
				most = max(most, s.Round)
			}
			return most.Seconds()
		})),
	)
}

// soa counts an answer to whether a server lives.
func (m *metrics) soa(good bool) {
	result := gotUnknown
	if good {
		result = gotAddresses
	}
	m.questions.WithLabelValues(askedSOA, result).Inc()
}

// heard counts an answer about a host.
func (m *metrics) heard(s said) {
	result := gotUnknown
	switch s.kind {
	case positive:
		result = gotAddresses
	case negative:
		result = gotNone
	case unknown:
	}
	m.questions.WithLabelValues(askedHost, result).Inc()
}

func (m *metrics) silent(asked string) { m.questions.WithLabelValues(asked, gotSilence).Inc() }
