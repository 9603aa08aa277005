// SPDX-License-Identifier: Apache-2.0

package dnsserver

import (
	"sync/atomic"

	"github.com/miekg/dns"
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
