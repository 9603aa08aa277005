// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sides of the exchange, as metrics name them.
const (
	sideAuthor = "author" // we refused what was sent to us
	sideReader = "reader" // an answer to us was refused, or refused us
)

// metrics are the numbers of the exchange. Labels are bounded: peers by
// maxPeers, zones by what we serve, the rest by closed lists.
type metrics struct {
	transfers     *prometheus.CounterVec
	receivedBytes *prometheus.CounterVec
	sentBytes     prometheus.Counter
	signatures    *prometheus.CounterVec
	discoveries   *prometheus.CounterVec
	held          prometheus.Gauge
	reportBytes   *prometheus.GaugeVec
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "meridian_peers_" + name, Help: help}, labels)
	}
	return &metrics{
		transfers: counter("transfers_total",
			"Answers to our questions for reports, by peer asked and result (unchanged, whole, increment, seen, refused, unsigned, bad, stale, cut).", "geo_tag", "result"),
		receivedBytes: counter("received_bytes_total", "Octets of answers from a peer.", "geo_tag"),
		sentBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meridian_peers_sent_bytes_total", Help: "Octets of our answers to peers."}),
		signatures: counter("signature_failures_total",
			"Messages that did not count, by side (author: sent to us; reader: answers to us) and kind.", "side", "kind"),
		discoveries: counter("discoveries_total", "Readings of a zone's name servers at the edge, by result.", "result"),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meridian_peers_held_transfers", Help: "Transfers that wait for our report to change."}),
		reportBytes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meridian_peers_report_bytes", Help: "Size of our report of a zone."}, []string{"zone"}),
	}
}

func (m *metrics) register(r prometheus.Registerer, x *Exchange) error {
	var errs []error
	for _, c := range []prometheus.Collector{
		m.transfers, m.receivedBytes, m.sentBytes, m.signatures, m.discoveries, m.held, m.reportBytes, newPeerCollector(x),
	} {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

// peerCollector reads, at scrape time, what is known of each peer.
type peerCollector struct {
	x                                       *Exchange
	heard, confirmed, conns, skew, keyCount *prometheus.Desc
	direct, serial, sets, leftOut           *prometheus.Desc
}

func newPeerCollector(x *Exchange) *peerCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("meridian_peers_"+name, help, labels, nil)
	}
	return &peerCollector{
		x:         x,
		heard:     desc("last_heard_seconds", "Time since a peer gave a sign of life first-hand.", "geo_tag"),
		confirmed: desc("report_age_seconds", "Time since the report of a peer was last known to be current, at worst over the zones.", "geo_tag"),
		conns:     desc("connections", "Connections to a peer.", "geo_tag"),
		skew:      desc("clock_skew_seconds", "How far the clock of a peer is ahead of ours.", "geo_tag"),
		direct:    desc("direct", "1 while the report of a peer is read from itself, 0 while a third cluster passes it on or nobody does.", "geo_tag"),
		serial:    desc("report_serial", "Serial of the report of a peer that was taken last; it counts within an instance of the peer.", "geo_tag", "zone"),
		sets:      desc("report_records", "Records in the report of a peer that was taken last, one for each host and some beside.", "geo_tag", "zone"),
		leftOut:   desc("report_records_left_out", "Static and challenge records in the report of a peer that cannot be read and are not served; the rest of it stands.", "geo_tag", "zone"),
		keyCount:  desc("keys", "Peer keys; without one nothing is exchanged."),
	}
}

// Describe sends the descriptions.
func (c *peerCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.heard, c.confirmed, c.conns, c.skew, c.keyCount, c.direct, c.serial, c.sets, c.leftOut} {
		ch <- d
	}
}

// Collect sends the numbers of this moment; what never happened is left out.
func (c *peerCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(c.keyCount, float64(len(c.x.keys)))
	now := time.Now()
	for _, p := range c.x.Peers() {
		tag := string(p.Cluster)
		gauge(c.conns, float64(p.Connections), tag)
		gauge(c.direct, truth(p.Direct), tag)
		for _, r := range p.Reports {
			gauge(c.serial, float64(r.Serial), tag, r.Zone.String())
			gauge(c.sets, float64(r.Records), tag, r.Zone.String())
			gauge(c.leftOut, float64(r.LeftOut), tag, r.Zone.String())
		}
		if !p.Heard.IsZero() {
			gauge(c.heard, now.Sub(p.Heard).Seconds(), tag)
			gauge(c.skew, p.Skew.Seconds(), tag)
		}
		if !p.Confirmed.IsZero() {
			gauge(c.confirmed, now.Sub(p.Confirmed).Seconds(), tag)
		}
	}
}

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

// signatureKind names a failure as metrics do.
func signatureKind(err error) string {
	switch {
	case errors.Is(err, errBadTime), errors.Is(err, errTheirBadTime):
		return "badtime"
	case errors.Is(err, errBadSig), errors.Is(err, errTheirBadSig):
		return "badsig"
	}
	return "badkey"
}
