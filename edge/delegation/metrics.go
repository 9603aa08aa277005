// SPDX-License-Identifier: Apache-2.0

package delegation

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/gslb"
)

// metrics are what this package counts.
type metrics struct {
	works     *prometheus.GaugeVec   // zone, status
	servers   *prometheus.GaugeVec   // zone, name_server
	checked   *prometheus.GaugeVec   // zone
	questions *prometheus.CounterVec // result
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		works: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_delegation_works",
			Help: "1 for what holds of a zone, asked from the edge zone down as a resolver would: status true, false, or unknown.",
		}, []string{"zone", "status"}),
		servers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_delegation_name_server_works",
			Help: "Whether a name server in the delegation of a zone can be found and answers for it at all its addresses (1) or not (0).",
		}, []string{"zone", "name_server"}),
		checked: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_delegation_checked_timestamp_seconds",
			Help: "When the delegation of a zone was last looked at from outside; every minute. 0: not yet.",
		}, []string{"zone"}),
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_delegation_questions_total",
			Help: "Questions that were asked to check delegations, by result: answered, or failed.",
		}, []string{"result"}),
	}
	m.questions.WithLabelValues("answered")
	m.questions.WithLabelValues("failed")
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.works, m.servers, m.checked, m.questions} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of delegations: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) asked(err error) {
	result := "answered"
	if err != nil {
		result = "failed"
	}
	m.questions.WithLabelValues(result).Inc()
}

func (m *metrics) found(s *Status) {
	for _, state := range []State{Unknown, Works, Broken} {
		v := 0.0
		if s.State == state {
			v = 1
		}
		m.works.WithLabelValues(s.Zone.String(), state.String()).Set(v)
	}
	at := 0.0
	if !s.Checked.IsZero() {
		at = float64(s.Checked.UnixNano()) / float64(time.Second)
	}
	m.checked.WithLabelValues(s.Zone.String()).Set(at)
	if s.State != Unknown {
		m.nameServers(s.Zone, s.servers, s.Findings)
	}
}

// nameServers notes which name servers of a zone have trouble of their own.
func (m *metrics) nameServers(zone gslb.Name, set []gslb.NameServer, findings []Finding) {
	m.servers.DeletePartialMatch(prometheus.Labels{"zone": zone.String()})
	for _, ns := range set {
		v := 1.0
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.NameServer == ns.Name && f.Reason != ReasonNameServersDiffer }) {
			v = 0
		}
		m.servers.WithLabelValues(zone.String(), ns.Name.String()).Set(v)
	}
}

func (m *metrics) forget(zone gslb.Name) {
	labels := prometheus.Labels{"zone": zone.String()}
	m.works.DeletePartialMatch(labels)
	m.servers.DeletePartialMatch(labels)
	m.checked.DeletePartialMatch(labels)
}
