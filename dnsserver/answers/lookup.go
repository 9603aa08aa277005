// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// Result is what a Table answers to a question, for people and tests: decoded
// from the same bytes that the server sends.
type Result struct {
	Kind        Kind
	Zone        gslb.Name  // of what was found, at the end of the chain if there is one; zero for NotReady and Refused
	Owner       gslb.Name  // whose data it is: the name itself or a wildcard; zero if the name does not exist
	Wildcard    bool       // synthesized from Owner
	Host        *gslb.Host // nil if no host is there
	TTL         uint32     // seconds, of Shares or Records; of negative answers: how long they are kept
	Shares      []Share    // of A and AAAA; nil if there are none
	Chain       []Alias    // CNAMEs that were followed; all the rest is what was found at their end
	Type        uint16     // of Records
	Records     []string   // data of records that are answered as they are, as zone files write it
	Delegation  gslb.Name  // the zone below ours to which a referral leads; zero if none
	NameServers []string   // of the delegation
}

// Alias is a CNAME that was followed.
type Alias struct {
	Owner  string // with a dot at the end, as zone files write it
	Target string
	TTL    uint32 // seconds
}

// Share is one of the possible answers, drawn with probability Weight/Σweights.
type Share struct {
	Weight uint32
	Addrs  []netip.Addr // an answer begins at a random one and goes round
	Target string       // instead of addresses, the answer is a CNAME that leads there; "" for addresses
	Window int          // how many of them are in one answer
}

// Lookup says what is answered to a question of class IN.
func (t *Table) Lookup(name gslb.Name, qtype uint16) Result {
	f := t.Find([]byte(wireName(name)), qtype)
	r := Result{Kind: f.Kind}
	if f.zone != nil {
		r.Zone, r.TTL = f.zone.name, f.zone.negTTL
	}
	if f.node != nil {
		r.Owner, r.Host, r.Wildcard = textName(f.node.key), f.node.host, f.source > 0
	}
	if f.run != nil {
		r.TTL, r.Type, r.Records = f.run.ttl(), f.run.rrtype, f.run.texts()
	}
	if f.cut != nil {
		r.TTL, r.Delegation, r.NameServers = f.cut.ns.ttl(), textName(f.cut.key), f.cut.ns.texts()
	}
	at := f.name
	for range f.links {
		var g Found
		t.find(&g, at, dns.TypeCNAME)
		to := g.run.targets[0].name
		r.Chain = append(r.Chain, Alias{zoneFileName(at), zoneFileName(to), g.run.ttl()})
		at = to
	}
	if f.set == nil {
		return r
	}
	r.TTL = f.set.ttl()
	var before uint32
	for i := range f.set.shares {
		sh := &f.set.shares[i]
		r.Shares = append(r.Shares, Share{Weight: sh.until - before, Addrs: f.set.addrs(sh), Target: sh.target, Window: int(sh.window)})
		before = sh.until
	}
	return r
}

// texts gives the data of each record as zone files write it.
func (p *packed) texts() []string {
	var out []string
	for _, d := range p.rdata {
		text, err := rdata.Unpack(p.rrtype, d)
		if err != nil { // SOA is not data that anybody could state
			h := dns.RR_Header{Name: ".", Rrtype: p.rrtype, Class: dns.ClassINET, Rdlength: uint16(len(d))}
			if got, _, err := dns.UnpackRRWithHeader(h, d, 0); err == nil {
				text = strings.TrimPrefix(got.String(), got.Header().String())
			}
		}
		out = append(out, text)
	}
	return out
}

// zoneFileName gives a wire name as zone files write it.
func zoneFileName(wire []byte) string {
	s, _, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		return ""
	}
	return s
}
