// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// metrics collects the numbers of a server (prometheus.Collector).
type metrics struct {
	server *Server

	queries, dropped, truncated *prometheus.Desc
	tcpConns, tcpEvicted        *prometheus.Desc
	tcpEnded, tcpAccepted       *prometheus.Desc
	panics, slowInFlight        *prometheus.Desc
	ready, revision, hidden     *prometheus.Desc
	seconds                     *prometheus.Desc
	slipped, cookies            *prometheus.Desc
	clusters, zones             *prometheus.Desc
}

func newMetrics(s *Server) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("meridian_dnsserver_"+name, help, labels, nil)
	}
	return &metrics{
		server:       s,
		queries:      desc("queries_total", "Messages answered, by transport, type of the question and RCODE.", "transport", "qtype", "rcode"),
		dropped:      desc("dropped_total", "Messages that got no answer, by transport and reason; queue_full: dropped by the system before we saw them.", "transport", "reason"),
		truncated:    desc("truncated_total", "Answers over UDP that did not fit and said so (TC)."),
		slipped:      desc("rate_limit_slipped_total", "Answers beyond the rate of a network that were sent short: with TC, with BADCOOKIE, or an error."),
		cookies:      desc("cookies_total", "Messages with a DNS cookie, by transport and what it was worth.", "transport", "state"),
		tcpConns:     desc("tcp_connections", "Open TCP connections, by transport and state: handshake, idle (between messages), reading (a message that is not complete), slow (with the slow path).", "transport", "state"),
		tcpAccepted:  desc("tcp_accepted_total", "TCP connections that were let in, by transport.", "transport"),
		tcpEvicted:   desc("tcp_evicted_total", "TCP connections closed to make room for new ones, by whose limit was reached: total or client.", "limit"),
		tcpEnded:     desc("tcp_ended_total", "TCP connections that the server ended, by transport and reason: idle, message (it did not come to its end), write (the client does not read), handshake (TLS did not begin), handshake_limit (too many began), memory (too many long messages).", "transport", "reason"),
		panics:       desc("panics_total", "Panics that were recovered; each is a bug."),
		slowInFlight: desc("slow_in_flight", "Messages with the slow path now."),
		hidden:       desc("clients_hidden", "1 while the addresses of clients are hidden by a load balancer, so that nothing is limited by address."),
		ready:        desc("ready", "1 when a table that is ready is served."),
		revision:     desc("table_revision", "Revision of the World whose table is served."),
		seconds:      desc("response_seconds", "Time from reading a message to sending its answer, of one read in sixteen of each goroutine, by transport; without the slow path.", "transport"),
		clusters:     desc("cluster_answers_total", "Answers that held entries of a cluster, by zone and geo tag.", "zone", "geo_tag"),
		zones:        desc("zone_answers_total", "Answers from a zone, by kind: answer, nodata, nxdomain or referral.", "zone", "kind"),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.queries, m.dropped, m.truncated, m.tcpConns, m.tcpAccepted, m.tcpEvicted, m.tcpEnded, m.panics, m.slowInFlight, m.ready, m.revision,
		m.seconds, m.clusters, m.zones, m.slipped, m.cookies, m.hidden,
	} {
		ch <- d
	}
}

// samples takes the numbers of one scrape.
type samples chan<- prometheus.Metric

func (c samples) counter(d *prometheus.Desc, v uint64, labels ...string) {
	c <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func (c samples) gauge(d *prometheus.Desc, v float64, labels ...string) {
	c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// truth is 1 or 0.
func (c samples) truth(d *prometheus.Desc, v bool) {
	if v {
		c.gauge(d, 1)
		return
	}
	c.gauge(d, 0)
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s, to := m.server, samples(ch)
	var truncated, slipped uint64
	for _, transport := range transports {
		sum := s.sum(transport)
		if transport == "udp" {
			sum.dropped[dropQueueFull].Store(s.queueDrops())
		}
		truncated += sum.truncated.Load()
		slipped += sum.slipped.Load()
		m.collectTransport(to, transport, sum)
	}
	to.counter(m.truncated, truncated)
	to.counter(m.slipped, slipped)
	m.collectConnections(to)
	to.counter(m.panics, s.Panics())
	to.gauge(m.slowInFlight, float64(s.slow.inFlight()))
	to.truth(m.hidden, s.hidden.Load())
	t := s.table.Load()
	to.truth(m.ready, t != nil && t.Ready())
	if t == nil {
		to.gauge(m.revision, 0)
		return
	}
	to.gauge(m.revision, float64(t.Revision()))
	m.collectTallies(to, t)
}

// collectTransport tells what was counted over one transport.
func (m *metrics) collectTransport(to samples, transport string, sum *counters) {
	for state := cookieClient; state < cookieStates; state++ {
		to.counter(m.cookies, sum.cookies[state].Load(), transport, cookieNames[state])
	}
	count, seconds, buckets := sum.latency.cumulative()
	to <- prometheus.MustNewConstHistogram(m.seconds, count, seconds, buckets, transport)
	for i := range sum.queries {
		for rcode := range sum.queries[i] {
			if v := sum.queries[i][rcode].Load(); v > 0 {
				to.counter(m.queries, v, transport, qtypeNames[i], rcodeName(rcode))
			}
		}
	}
	for i, name := range dropNames {
		to.counter(m.dropped, sum.dropped[i].Load(), transport, name)
	}
	if transport == "udp" {
		return
	}
	for i, name := range endNames {
		to.counter(m.tcpEnded, sum.ended[i].Load(), transport, name)
	}
}

// collectConnections tells how many connections there are, and were, over TCP and TLS.
func (m *metrics) collectConnections(to samples) {
	conns := m.server.conns
	tcp, tls := conns.count()
	for state, name := range connStateNames {
		if state != int(connHandshake) {
			to.gauge(m.tcpConns, float64(tcp[state]), "tcp", name)
		}
		to.gauge(m.tcpConns, float64(tls[state]), "tls", name)
	}
	to.counter(m.tcpAccepted, conns.accepted[0].Load(), "tcp")
	to.counter(m.tcpAccepted, conns.accepted[1].Load(), "tls")
	for i, name := range evictedNames {
		to.counter(m.tcpEvicted, conns.evicted[i].Load(), name)
	}
}

// kindLabels name the kinds of answers, as far as they come from a zone.
var kindLabels = [answers.Refused]string{answers.Answer: "answer", answers.NoData: "nodata", answers.NXDomain: "nxdomain", answers.Referral: "referral"}

// collectTallies adds the tallies up: by zone and cluster, and by zone and kind.
func (m *metrics) collectTallies(to samples, t *answers.Table) {
	type zoneKind struct{ zone, kind string }
	type zoneCluster struct{ zone, cluster string }
	kinds, clusters := make(map[zoneKind]uint64), make(map[zoneCluster]uint64)
	for _, c := range t.Tallies() {
		kind := kindLabels[c.Kind]
		if kind == "" {
			continue
		}
		n, zone := c.Count(), c.Zone.String()
		kinds[zoneKind{zone, kind}] += n
		for _, tag := range c.Clusters {
			clusters[zoneCluster{zone, string(tag)}] += n
		}
	}
	for k, n := range kinds {
		to.counter(m.zones, n, k.zone, k.kind)
	}
	for c, n := range clusters {
		to.counter(m.clusters, n, c.zone, c.cluster)
	}
}

// queueDrops adds up what the system dropped before all sockets.
func (s *Server) queueDrops() (sum uint64) {
	for _, u := range s.udp {
		sum += queueDrops(u.conn)
	}
	return sum
}

// sum adds up what all goroutines of a transport counted.
func (s *Server) sum(transport string) *counters {
	total := &counters{transport: transport}
	for _, c := range s.counters {
		if c.transport != transport {
			continue
		}
		for i := range c.queries {
			for rcode := range c.queries[i] {
				total.queries[i][rcode].Add(c.queries[i][rcode].Load())
			}
		}
		for i := range c.dropped {
			total.dropped[i].Add(c.dropped[i].Load())
		}
		total.truncated.Add(c.truncated.Load())
		total.slipped.Add(c.slipped.Load())
		for i := range c.ended {
			total.ended[i].Add(c.ended[i].Load())
		}
		for i := range c.cookies {
			total.cookies[i].Add(c.cookies[i].Load())
		}
		total.latency.add(&c.latency)
	}
	return total
}
