// SPDX-License-Identifier: Apache-2.0

package zoneout

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	transfers *prometheus.CounterVec // kind, result
	octets    *prometheus.CounterVec // result
	notifies  *prometheus.CounterVec // result
	bad       *prometheus.CounterVec // code
}

func newMetrics(r prometheus.Registerer, s *Server) (*metrics, error) {
	m := &metrics{
		transfers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_transfers_total",
			Help: "Requests for a transfer, by kind (AXFR or IXFR) and result: whole (the whole zone), differences, serial (the SOA alone), broken (begun and not ended), busy (too many at once), or the RCODE of a refusal.",
		}, []string{"kind", "result"}),
		octets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_sent_bytes_total",
			Help: "Octets of messages of transfers, by result: whole, differences, serial or broken.",
		}, []string{"result"}),
		notifies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_notifies_total",
			Help: "NOTIFY messages sent, by result: taken, refused (another RCODE), unverified (the answer's signature does not hold) or silent (no answer).",
		}, []string{"result"}),
		bad: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_zoneout_bad_signatures_total",
			Help: "Messages of a transfer key whose TSIG does not hold, by TSIG error.",
		}, []string{"code"}),
	}
	m.begin()
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

// begin has what counts begin at 0, so that a rise from nothing is seen as one.
func (m *metrics) begin() {
	for _, result := range []string{answerWhole, answerDifferences, answerSerial, answerBroken} {
		m.octets.WithLabelValues(result)
	}
	m.transfers.WithLabelValues("AXFR", answerWhole)
	for _, result := range []string{answerWhole, answerDifferences, answerSerial} {
		m.transfers.WithLabelValues("IXFR", result)
	}
	for _, result := range []string{notifyTaken, notifyRefused, notifyUnverified, notifySilent} {
		m.notifies.WithLabelValues(result)
	}
	for _, code := range []string{"BADSIG", "BADTIME", "BADTRUNC"} {
		m.bad.WithLabelValues(code)
	}
}

func (m *metrics) transfer(kind, result string) { m.transfers.WithLabelValues(kind, result).Inc() }

func (m *metrics) sent(result string, octets int) {
	m.octets.WithLabelValues(result).Add(float64(octets))
}

func (m *metrics) signature(code string) { m.bad.WithLabelValues(code).Inc() }

func (m *metrics) notified(result string) { m.notifies.WithLabelValues(result).Inc() }
