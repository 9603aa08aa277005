// SPDX-License-Identifier: Apache-2.0

package k8gbtest

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// Serve answers one message; false: there is no answer.
func (c *Cluster) Serve(network string, msg []byte) ([]byte, bool) {
	q := new(dns.Msg)
	if q.Unpack(msg) != nil || len(q.Question) != 1 {
		return nil, false
	}
	c.mu.Lock()
	c.asked[dns.CanonicalName(q.Question[0].Name)]++
	dead, act := over(c.life), c.fault(network, q)
	c.mu.Unlock()
	if dead || act == Drop {
		return nil, false
	}
	m := c.reply(q)
	switch act {
	case ServFail:
		m = new(dns.Msg)
		m.SetRcode(q, dns.RcodeServerFailure)
	case Nothing:
		if !strings.EqualFold(q.Question[0].Name, c.cfg.Zone.FQDN()) {
			m = c.negative(q, dns.RcodeNameError)
		}
	case Answer, Drop:
	}
	b, err := m.Pack()
	return b, err == nil
}

// reply answers as k8gb's DNS server does: no AA bit, a signature is passed over, names
// without addresses do not exist, and there is IPv4 only.
func (c *Cluster) reply(q *dns.Msg) *dns.Msg {
	name, qtype := dns.CanonicalName(q.Question[0].Name), q.Question[0].Qtype
	m := new(dns.Msg)
	m.SetReply(q)
	switch {
	case !dns.IsSubDomain(c.cfg.Zone.FQDN(), name):
		m.SetRcode(q, dns.RcodeRefused)
		return m
	case name == c.cfg.Zone.FQDN():
		switch qtype {
		case dns.TypeSOA:
			m.Answer = []dns.RR{c.soa()}
		case dns.TypeNS:
			m.Answer = c.nameServers()
		}
		return m
	}
	addrs, ttl := c.targets(strings.TrimSuffix(name, "."))
	if len(addrs) == 0 {
		return c.negative(q, dns.RcodeNameError)
	}
	if qtype != dns.TypeA {
		return c.negative(q, dns.RcodeSuccess)
	}
	for _, a := range addrs {
		addr := netip.MustParseAddr(a)
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: addr.AsSlice()})
	}
	return m
}

func (c *Cluster) negative(q *dns.Msg, rcode int) *dns.Msg {
	m := new(dns.Msg)
	m.SetRcode(q, rcode)
	m.Ns = []dns.RR{c.soa()}
	return m
}

func (c *Cluster) soa() dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: c.cfg.Zone.FQDN(), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
		Ns:  "dns1." + c.cfg.Zone.FQDN(), Mbox: "hostmaster." + c.cfg.Zone.FQDN(),
		Serial: uint32(time.Now().Truncate(time.Hour).Unix()), Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: 60,
	}
}

// nameServers are those of all clusters that it knows of.
func (c *Cluster) nameServers() (out []dns.RR) {
	tags := append(slices.Collect(maps.Keys(c.cfg.Neighbours)), c.cfg.Tag)
	slices.Sort(tags)
	for _, tag := range tags {
		if ns, err := gslb.NameServerName(tag, c.cfg.Zone, c.cfg.Edge); err == nil {
			out = append(out, &dns.NS{Hdr: dns.RR_Header{Name: c.cfg.Zone.FQDN(), Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: ns.FQDN()})
		}
	}
	return out
}

// targets gives what a name answers:
//
//	localtargets-HOST | the cluster's own
//	round robin       | its own and those of all others
//	failover          | its own, if it is the primary and has any; else the primary's, if seen; else its own and all others
func (c *Cluster) targets(name string) (addrs []string, ttl uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	local, isLocal := strings.CutPrefix(name, localPrefix)
	n, err := gslb.ParseName(local)
	h, there := c.hosts[n]
	if err != nil || !there {
		return nil, 0
	}
	if isLocal {
		return h.Addrs, h.TTL
	}
	if h.Strategy == gslb.Failover {
		first := c.seen[n][h.Primary]
		if h.Primary == c.cfg.Tag {
			first = h.Addrs
		}
		if len(first) > 0 {
			return first, h.TTL
		}
	}
	addrs = slices.Clone(h.Addrs)
	for _, tag := range slices.Sorted(maps.Keys(c.seen[n])) {
		addrs = append(addrs, c.seen[n][tag]...)
	}
	return addrs, h.TTL
}
