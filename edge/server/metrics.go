// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/internal/tsig"
)

type metrics struct {
	updates *prometheus.CounterVec // rcode
	bad     *prometheus.CounterVec // error
	follows *prometheus.CounterVec // result
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_server_updates_total",
			Help: "Updates of the zone, by RCODE of the answer.",
		}, []string{"rcode"}),
		bad: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_server_bad_signatures_total",
			Help: "Messages whose TSIG does not hold, by TSIG error.",
		}, []string{"error"}),
		follows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_edge_server_followed_total",
			Help: "Recursive questions below a delegation, by result: ok, failed or busy.",
		}, []string{"result"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.updates, m.bad, m.follows} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of the edge server: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) update(rcode int) { m.updates.WithLabelValues(dns.RcodeToString[rcode]).Inc() }

// badSignature counts a message by the TSIG error of its answer; a nil signer is
// of one that is malformed.
func (m *metrics) badSignature(signer *tsig.Signer) {
	name := "FORMERR"
	if signer != nil {
		name = tsig.CodeName(signer.Code())
	}
	m.bad.WithLabelValues(name).Inc()
}

func (m *metrics) follow(result string) { m.follows.WithLabelValues(result).Inc() }
