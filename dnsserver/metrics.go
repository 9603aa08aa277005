// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"sync/atomic"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
)

// Why a message got no answer.
const (
	dropShort     = iota // less than a header
	dropResponse         // QR was set
	dropRead             // the socket gave an error
	dropWrite            // the answer could not be sent
	dropSlowFull         // too many slow messages in flight
	dropRateLimit        // more than the rate of a network
	dropQueueFull        // the system's queue of a socket; counted there
	dropReasons
)

var dropNames = [dropReasons]string{"short", "response", "read_error", "write_error", "slow_path_full", "rate_limit", "queue_full"}

// Why the server ended a connection.
const (
	endIdle           = iota // no message for too long
	endMessage               // a message did not come to its end
	endWrite                 // the client does not read
	endHandshake             // TLS did not begin
	endHandshakeLimit        // too many TLS connections began
	endMemory                // too many long messages were being read
	endReasons
)

var endNames = [endReasons]string{"idle", "message", "write", "handshake", "handshake_limit", "memory"}

// endReason says which bound a read met.
func endReason(started bool) int {
	if started {
		return endMessage
	}
	return endIdle
}

// transports are what the counters are told apart by.
var transports = []string{"udp", "tcp", "tls"}

// qtypeNames are the types that are told apart; 0 takes the rest. A label never
// comes from what somebody asked.
var qtypeNames = [...]string{
	"other", "A", "AAAA", "NS", "SOA", "CNAME", "TXT", "MX", "SRV", "PTR", "CAA", "DS", "DNSKEY",
	"HTTPS", "SVCB", "ANY", "AXFR", "IXFR",
}

// qtypeIndex says where in qtypeNames a type is.
var qtypeIndex = [dns.TypeCAA + 1]uint8{
	dns.TypeA: 1, dns.TypeAAAA: 2, dns.TypeNS: 3, dns.TypeSOA: 4, dns.TypeCNAME: 5, dns.TypeTXT: 6, dns.TypeMX: 7,
	dns.TypeSRV: 8, dns.TypePTR: 9, dns.TypeCAA: 10, dns.TypeDS: 11, dns.TypeDNSKEY: 12, dns.TypeHTTPS: 13,
	dns.TypeSVCB: 14, dns.TypeANY: 15, dns.TypeAXFR: 16, dns.TypeIXFR: 17,
}

// rcodes counts RCODEs up to BADCOOKIE; those above count as the last.
const rcodes = dns.RcodeBadCookie + 1

// counters are what one goroutine counts, so that counting never waits for
// another processor. The collector adds them up.
type counters struct {
	transport string
	shard     int // of the tallies
	queries   [len(qtypeNames)][rcodes]atomic.Uint64
	dropped   [dropReasons]atomic.Uint64
	truncated atomic.Uint64
	slipped   atomic.Uint64
	ended     [endReasons]atomic.Uint64
	cookies   [cookieStates]atomic.Uint64
	latency   latency
}

func (c *counters) query(qtype uint16, rcode int) {
	i := uint8(0)
	if int(qtype) < len(qtypeIndex) {
		i = qtypeIndex[qtype]
	}
	c.queries[i][min(rcode, rcodes-1)].Add(1)
}

func (c *counters) end(reason int) { c.ended[reason].Add(1) }

func (c *counters) drop(reason int) { c.dropped[reason].Add(1) }

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

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.server
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	var truncated, slipped uint64
	for _, transport := range transports {
		sum := s.sum(transport)
		if transport == "udp" {
			sum.dropped[dropQueueFull].Store(s.queueDrops())
		}
		truncated += sum.truncated.Load()
		slipped += sum.slipped.Load()
		for state := cookieClient; state < cookieStates; state++ {
			counter(m.cookies, sum.cookies[state].Load(), transport, cookieNames[state])
		}
		count, seconds, buckets := sum.latency.cumulative()
		ch <- prometheus.MustNewConstHistogram(m.seconds, count, seconds, buckets, transport)
		for i := range sum.queries {
			for rcode := range sum.queries[i] {
				if v := sum.queries[i][rcode].Load(); v > 0 {
					counter(m.queries, v, transport, qtypeNames[i], rcodeName(rcode))
				}
			}
		}
		for i, name := range endNames {
			if transport != "udp" {
				counter(m.tcpEnded, sum.ended[i].Load(), transport, name)
			}
		}
		for i, name := range dropNames {
			counter(m.dropped, sum.dropped[i].Load(), transport, name)
		}
	}
	counter(m.truncated, truncated)
	counter(m.slipped, slipped)
	tcp, tls := s.conns.count()
	for state, name := range connStateNames {
		if state != int(connHandshake) {
			gauge(m.tcpConns, float64(tcp[state]), "tcp", name)
		}
		gauge(m.tcpConns, float64(tls[state]), "tls", name)
	}
	counter(m.tcpAccepted, s.conns.accepted[0].Load(), "tcp")
	counter(m.tcpAccepted, s.conns.accepted[1].Load(), "tls")
	for i, name := range evictedNames {
		counter(m.tcpEvicted, s.conns.evicted[i].Load(), name)
	}
	counter(m.panics, s.Panics())
	gauge(m.slowInFlight, float64(s.slow.inFlight()))
	hidden := 0.0
	if s.hidden.Load() {
		hidden = 1
	}
	gauge(m.hidden, hidden)
	ready, revision := 0.0, 0.0
	if t := s.table.Load(); t != nil {
		revision = float64(t.Revision())
		if t.Ready() {
			ready = 1
		}
		m.collectTallies(ch, t)
	}
	gauge(m.ready, ready)
	gauge(m.revision, revision)
}

// kindLabels name the kinds of answers, as far as they come from a zone.
var kindLabels = [answers.Refused]string{answers.Answer: "answer", answers.NoData: "nodata", answers.NXDomain: "nxdomain", answers.Referral: "referral"}

// collectTallies adds the tallies up: by zone and cluster, and by zone and kind.
func (m *metrics) collectTallies(ch chan<- prometheus.Metric, t *answers.Table) {
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
		ch <- prometheus.MustNewConstMetric(m.zones, prometheus.CounterValue, float64(n), k.zone, k.kind)
	}
	for c, n := range clusters {
		ch <- prometheus.MustNewConstMetric(m.clusters, prometheus.CounterValue, float64(n), c.zone, c.cluster)
	}
}

// queueDrops adds up what the system dropped before all sockets.
func (s *Server) queueDrops() (sum uint64) {
	for _, u := range s.udp {
		sum += queueDrops(u.conn)
	}
	return sum
}

// rcodeName gives the label of an RCODE; 16 is BADVERS in answers that carry no
// TSIG, and in our label always.
func rcodeName(rcode int) string {
	name, ok := dns.RcodeToString[rcode]
	switch {
	case rcode == dns.RcodeBadVers:
		return "BADVERS"
	case !ok:
		return "other"
	}
	return name
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
