// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// aliases is what a host has besides its sets, if some of its answers are CNAMEs.
type aliases struct {
	any   *rrset   // the answers that are CNAMEs: to questions of other types
	plain []*rrset // the addresses of all: a CNAME cannot stand beside static records (RFC 1034 §3.6.2)
}

// packAliases gives the aliases of a host; nil if it has none.
func packAliases(d *strategies.Decision, ttl uint32, counts *tallier) *aliases {
	only, plain := *d, *d
	only.Answers, plain.Answers = nil, nil
	for _, a := range d.Answers {
		if a.Target != "" {
			only.Answers = append(only.Answers, a)
		}
		a.Target = ""
		plain.Answers = append(plain.Answers, a)
	}
	if len(only.Answers) == 0 {
		return nil
	}
	a := &aliases{any: packAddrs(&only, true, ttl, counts)}
	a.any.rrtype = dns.TypeCNAME
	for _, v4 := range []bool{true, false} {
		if s := packAddrs(&plain, v4, ttl, counts); s != nil {
			a.plain = append(a.plain, s)
		}
	}
	return a
}

// packAlias packs an answer that is a CNAME. A target that is no name, which reports
// cannot hold, would be the root.
func packAlias(sh strategies.Share, until uint32, clusters []gslb.GeoTag, ttl uint32, counts *tallier) share {
	wire := []byte{0}
	if d, err := rdata.Pack(dns.TypeCNAME, sh.Target+"."); err == nil {
		wire = d.Wire
	}
	ring := appendFixed(make([]byte, 0, fixedSize+len(wire)), dns.TypeCNAME, ttl)
	ring = append(binary.BigEndian.AppendUint16(ring, uint16(len(wire))), wire...)
	return share{until: until, n: 1, window: 1, size: uint32(len(ring)), target: sh.Target, ring: ring,
		tallies: []*Tally{counts.all.of(counts.zone, Answer, clusters)}}
}
