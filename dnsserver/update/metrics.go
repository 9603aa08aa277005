// SPDX-License-Identifier: Apache-2.0

package update

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/internal/tsig"
)

// What became of updates; a closed list, with one more for each TSIG error.
const (
	outcomeChanged      = "changed"
	outcomeUnchanged    = "unchanged"    // nothing was to be done
	outcomePrerequisite = "prerequisite" // a prerequisite does not hold
	outcomeRefused      = "refused"
	outcomeFormErr      = "formerr"
	outcomeNotAuth      = "notauth" // no zone of ours
	outcomeNotZone      = "notzone"
	outcomeFailed       = "failed" // not stored, or not served in time
	outcomeUnsigned     = "unsigned"
	outcomeBadKey       = "badkey"
)

type metrics struct {
	updates *prometheus.CounterVec // result
	held    prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_update_messages_total",
			Help: "Dynamic updates of our zones, by result: changed, unchanged, prerequisite (one does not hold), refused, formerr, notauth, notzone, failed (not stored or not served), unsigned, badkey, badsig, badtime, badtrunc.",
		}, []string{"result"}),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_update_challenges",
			Help: "Records that this cluster holds by dynamic updates, those of ACME challenges above all.",
		}),
	}
	for _, o := range []string{
		outcomeChanged, outcomeUnchanged, outcomePrerequisite, outcomeRefused, outcomeFormErr, outcomeNotAuth, outcomeNotZone,
		outcomeFailed, outcomeUnsigned, outcomeBadKey, "badsig", "badtime", "badtrunc",
	} {
		m.updates.WithLabelValues(o)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.updates, m.held} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of updates: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) count(outcome string) { m.updates.WithLabelValues(outcome).Inc() }

func (m *metrics) badSignature(code uint16) { m.count(strings.ToLower(tsig.CodeName(code))) }

// countRcode counts what was not done.
func (m *metrics) countRcode(rcode int) {
	switch rcode {
	case dns.RcodeFormatError:
		m.count(outcomeFormErr)
	case dns.RcodeRefused:
		m.count(outcomeRefused)
	case dns.RcodeNotAuth:
		m.count(outcomeNotAuth)
	case dns.RcodeNotZone:
		m.count(outcomeNotZone)
	case dns.RcodeServerFailure:
		m.count(outcomeFailed)
	default:
		m.count(outcomePrerequisite)
	}
}
