// SPDX-License-Identifier: Apache-2.0

package rfc2136

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// updateMessage writes a change as an UPDATE (RFC 2136 §2). It is called anew
// for every attempt, since signing and sending change a message.
func updateMessage(c edge.Change) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetUpdate(c.Zone.FQDN())
	for _, set := range c.Require {
		if len(set.Data) == 0 { // §2.4.3: RRset does not exist
			m.Answer = append(m.Answer, empty(set, dns.ClassNONE))
			continue
		}
		for _, d := range set.Data { // §2.4.2: RRset exists, value dependent
			rr, err := record(gslb.Record{Name: set.Name, Type: set.Type, Data: d})
			if err != nil {
				return nil, err
			}
			m.Answer = append(m.Answer, rr)
		}
	}
	for _, set := range c.Clear { // §2.5.2: delete an RRset
		m.Ns = append(m.Ns, empty(set, dns.ClassANY))
	}
	for _, r := range c.Remove { // §2.5.4: delete an RR from an RRset
		rr, err := record(r)
		if err != nil {
			return nil, err
		}
		rr.Header().Class, rr.Header().Ttl = dns.ClassNONE, 0
		m.Ns = append(m.Ns, rr)
	}
	for _, r := range c.Add { // §2.5.1
		rr, err := record(r)
		if err != nil {
			return nil, err
		}
		m.Ns = append(m.Ns, rr)
	}
	return m, nil
}

// empty is a record without RDATA, as prerequisites and deletions use it.
func empty(set edge.RRset, class uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: set.Name.FQDN(), Rrtype: set.Type, Class: class}}
}

func record(r gslb.Record) (dns.RR, error) {
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", r.Name.FQDN(), r.TTL, dns.TypeToString[r.Type], r.Data))
	if err != nil {
		return nil, fmt.Errorf("record %s %s %q: %w", r.Name.FQDN(), dns.TypeToString[r.Type], r.Data, err)
	}
	if rr == nil {
		return nil, fmt.Errorf("record %s %s is empty", r.Name.FQDN(), dns.TypeToString[r.Type])
	}
	return rr, nil
}

// dataOf gives the RDATA of a record in the canonical form of [edge.Publisher].
func dataOf(rr dns.RR) string {
	switch v := rr.(type) {
	case *dns.NS:
		return dns.CanonicalName(v.Ns)
	case *dns.A:
		if a, ok := netip.AddrFromSlice(v.A.To4()); ok {
			return a.String()
		}
	case *dns.AAAA:
		if a, ok := netip.AddrFromSlice(v.AAAA.To16()); ok {
			return a.String()
		}
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}
