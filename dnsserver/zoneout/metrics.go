// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	transfers *prometheus.CounterVec // asked, answer
	octets    *prometheus.CounterVec // answer
	notifies  *prometheus.CounterVec // outcome
	bad       *prometheus.CounterVec // error
}

func newMetrics(r prometheus.Registerer, s *Server) (*metrics, error) {
	m := &metrics{
		transfers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_transfers_total",
			Help: "Requests for a transfer, by what was asked (AXFR or IXFR) and the answer: whole (the whole zone), differences, serial (the SOA alone), broken (begun and not ended), busy (too many at once), or the RCODE of a refusal.",
		}, []string{"asked", "answer"}),
		octets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_sent_bytes_total",
			Help: "Octets of messages of transfers, by answer: whole, differences, serial or broken.",
		}, []string{"answer"}),
		notifies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_notifies_total",
			Help: "NOTIFY messages sent, by outcome: taken, refused (another RCODE), unverified (the answer's signature does not hold) or silent (no answer).",
		}, []string{"outcome"}),
		bad: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_bad_signatures_total",
			Help: "Messages of a transfer key whose TSIG does not hold, by TSIG error.",
		}, []string{"error"}),
	}
	if r == nil {
		return m, nil
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "meridian_zoneout_" + name, Help: help}, f)
	}
	for _, c := range []prometheus.Collector{
		m.transfers, m.octets, m.notifies, m.bad,
		gauge("transfers_in_flight", "Transfers that are being sent.", func() float64 { return float64(s.places.taken()) }),
		gauge("journal_bytes", "Octets of the records that are kept for incremental transfers.", func() float64 { return float64(s.journals.octets.Load()) }),
		gauge("journal_records", "Records that are kept for incremental transfers.", func() float64 { return float64(s.journals.records.Load()) }),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) transfer(asked, answer string) { m.transfers.WithLabelValues(asked, answer).Inc() }

func (m *metrics) sent(answer string, octets int) {
	m.octets.WithLabelValues(answer).Add(float64(octets))
}

func (m *metrics) signature(code string) { m.bad.WithLabelValues(code).Inc() }

func (m *metrics) notified(outcome string) { m.notifies.WithLabelValues(outcome).Inc() }
