// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// slowZones answers as RFC 1034 §4.3.2, RFC 4592 and RFC 6604 say, with nothing
// but lists of records: by zone, as text.
type slowZones map[string][]dns.RR

// nothing is the type of a record that makes a name exist, and is never given.
const nothing = 65280

// slowOf writes down all records of a World whose hosts have one address each.
func slowOf(t testing.TB, w *gslb.World) slowZones {
	t.Helper()
	slow := make(slowZones)
	add := func(zone, owner gslb.Name, ttl uint32, rrtype uint16, data string) {
		rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", owner.FQDN(), ttl, dns.Type(rrtype), data))
		require.NoError(t, err)
		slow[zone.String()] = append(slow[zone.String()], rr)
	}
	for i := range w.Zones {
		z := &w.Zones[i]
		slow[z.Zone.String()] = nil
	}
	for h := range w.Hosts() {
		add(h.Zone, h.Name, 0, nothing, `\# 0`) // it exists, with or without addresses
		for _, e := range h.Part(w.Self).Offer.Entries {
			add(h.Zone, h.Name, h.Policy.TTL, dns.TypeA, e.Addr.String())
		}
	}
	for i := range w.Zones {
		z := &w.Zones[i]
		ns := z.NameServers[0]
		add(z.Zone, z.Zone, z.NegTTL, dns.TypeSOA, fmt.Sprintf("%s hostmaster.%s %d 300 60 604800 %d", ns.Name.FQDN(), z.Zone.FQDN(), z.Serial, z.NegTTL))
		add(z.Zone, z.Zone, 300, dns.TypeNS, ns.Name.FQDN())
		if z.Static != nil {
			for _, s := range z.Static.Sets {
				for _, data := range s.Data {
					add(z.Zone, s.Name, s.TTL, s.Type, data)
				}
			}
		}
	}
	for h := range w.Hosts() {
		if h.Name != h.Zone && len(slow.at(h.Zone.String(), h.Name.String(), 0)) == 0 {
			add(h.Zone, h.Name, 30, answers.TypePlaceholder, `\# 0`)
		}
	}
	for i := range w.Zones { // a name server whose name is ours has its addresses from us
		ns := w.Zones[i].NameServers[0]
		home := slow.zoneOf(ns.Name.String())
		if home != "" && len(slow.at(home, ns.Name.String(), dns.TypeA)) == 0 && w.Host(ns.Name) == nil {
			add(gslb.MustName(home), ns.Name, 300, dns.TypeA, ns.Addrs[0].String())
		}
	}
	return slow
}

func (s slowZones) zoneOf(name string) string {
	best := ""
	for z := range s {
		if within(name, z) && len(z) > len(best) {
			best = z
		}
	}
	return best
}

func ownerOf(rr dns.RR) string { return strings.TrimSuffix(rr.Header().Name, ".") }

// at gives the records at a name of a zone; type 0: all.
func (s slowZones) at(zone, name string, rrtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range s[zone] {
		if ownerOf(rr) == name && (rrtype == 0 && rr.Header().Rrtype != nothing || rr.Header().Rrtype == rrtype) {
			out = append(out, rr)
		}
	}
	return out
}

// exists: a record is at the name or below it, or another zone begins there.
func (s slowZones) exists(zone, name string) bool {
	return slices.ContainsFunc(s[zone], func(rr dns.RR) bool { return within(ownerOf(rr), name) }) ||
		slices.ContainsFunc(slices.Collect(maps.Keys(s)), func(z string) bool { return within(z, name) })
}

// cutAt gives the delegation nearest to the apex at or above a name.
func (s slowZones) cutAt(zone, name string) string {
	found := ""
	for ; name != zone; _, name, _ = strings.Cut(name, ".") {
		if len(s.at(zone, name, dns.TypeNS)) > 0 {
			found = name
		}
	}
	return found
}

// answer gives the whole answer; of an ANY question all records of the name.
func (s slowZones) answer(qname string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.Authoritative = true
	owners := map[string]bool{}
	for name, first := qname, true; ; first = false {
		zone := s.zoneOf(name)
		if _, above, _ := strings.Cut(name, "."); qtype == dns.TypeDS && name == zone && s.zoneOf(above) != "" && s.cutAt(s.zoneOf(above), above) == "" {
			zone = s.zoneOf(above)
		}
		if zone == "" {
			if first {
				m.Rcode, m.Authoritative = dns.RcodeRefused, false
			}
			return m
		}
		if cut := s.cutAt(zone, name); cut != "" && (qtype != dns.TypeDS || name != cut) {
			m.Authoritative = !first
			m.Ns = s.at(zone, cut, dns.TypeNS)
			s.additional(m, m.Ns, cut)
			return m
		}
		source := name
		if !s.exists(zone, name) {
			for _, source, _ = strings.Cut(name, "."); !s.exists(zone, source); _, source, _ = strings.Cut(source, ".") {
			}
			if source = "*." + source; !s.exists(zone, source) || s.zoneOf(source) != zone {
				m.Rcode, m.Ns = dns.RcodeNameError, s.at(zone, zone, dns.TypeSOA)
				return m
			}
		}
		here := s.at(zone, source, qtype)
		cname := s.at(zone, source, dns.TypeCNAME)
		if qtype == dns.TypeANY {
			here = s.at(zone, source, 0)
		}
		if zone != s.zoneOf(name) { // DS at the apex of a zone below
			here, cname = nil, nil
		}
		switch {
		case len(here) > 0:
			m.Answer = append(m.Answer, renamed(here, name)...)
			if qtype != dns.TypeCNAME && qtype != dns.TypeANY {
				s.additional(m, renamed(here, name), "")
			}
			return m
		case len(cname) > 0 && !owners[name]:
			owners[name] = true
			m.Answer = append(m.Answer, renamed(cname, name)...)
			if name = strings.TrimSuffix(cname[0].(*dns.CNAME).Target, "."); owners[name] || len(owners) == 16 {
				return m
			}
		default:
			m.Ns = s.at(zone, zone, dns.TypeSOA)
			return m
		}
	}
}

func renamed(in []dns.RR, owner string) []dns.RR {
	var out []dns.RR
	for _, rr := range in {
		rr = dns.Copy(rr)
		rr.Header().Name = owner + "."
		out = append(out, rr)
	}
	return out
}

// additional adds the addresses of the names that records lead to.
func (s slowZones) additional(m *dns.Msg, of []dns.RR, cut string) {
	done := map[string]bool{}
	for _, rr := range of {
		name := ""
		switch rr := rr.(type) {
		case *dns.NS:
			name = rr.Ns
		case *dns.MX:
			name = rr.Mx
		case *dns.SRV:
			name = rr.Target
		case *dns.HTTPS:
			if name = rr.Target; name == "." && rr.Priority > 0 {
				name = rr.Hdr.Name
			}
		}
		name = strings.TrimSuffix(name, ".")
		zone := s.zoneOf(name)
		if done[name] || zone == "" || cut == "" && s.cutAt(zone, name) != "" {
			continue
		}
		done[name] = true
		source := name
		if !s.exists(zone, name) && name == ownerOf(rr) { // the owner itself, synthesized
			for _, source, _ = strings.Cut(name, "."); !s.exists(zone, source); _, source, _ = strings.Cut(source, ".") {
			}
			source = "*." + source
		}
		m.Extra = append(m.Extra, renamed(s.at(zone, source, dns.TypeA), name)...)
		m.Extra = append(m.Extra, renamed(s.at(zone, source, dns.TypeAAAA), name)...)
	}
}

// choices are what a random zone is made of.
type choices func(n int) int

var oracleTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeMX, dns.TypeNS, dns.TypeTXT, dns.TypeDS, dns.TypeSOA, dns.TypeANY, dns.TypeSRV, dns.TypeHTTPS, 65400, answers.TypePlaceholder,
}

// name gives a name of up to four labels below a zone, from so few labels that
// names often meet.
func (c choices) name(zones []string) string {
	name := zones[c(len(zones))]
	for range c(4) {
		name = string("abc"[c(3)]) + "." + name
	}
	if c(4) == 0 {
		name = "*." + name
	}
	return name
}

// target gives a name for the data of a record, here or elsewhere.
func (c choices) target(zones []string) string {
	switch c(12) {
	case 0:
		return "www.example.org"
	case 1: // the name server of the first zone
		return "gslb-ns-eu-" + strings.ReplaceAll(zones[0], ".", "-") + ".test"
	}
	return c.name(zones)
}

// records gives static records in zones.
func (c choices) records(zones []string, n int) []gslb.Record {
	var out []gslb.Record
	for range n {
		r := gslb.Record{Name: gslb.MustName(c.name(zones)), TTL: uint32(60 + c(3))}
		r.Type = []uint16{
			dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeCNAME, dns.TypeCNAME, dns.TypeMX, dns.TypeNS, dns.TypeNS, dns.TypeTXT, dns.TypeDS,
			dns.TypeSRV, dns.TypeHTTPS, 65400,
		}[c(13)]
		switch target := c.target(zones); r.Type {
		case dns.TypeA:
			r.Data = fmt.Sprintf("192.0.2.%d", c(4))
		case dns.TypeAAAA:
			r.Data = fmt.Sprintf("2001:db8::%d", c(4)+1)
		case dns.TypeMX:
			r.Data = fmt.Sprintf("%d %s.", c(2), target)
		case dns.TypeTXT:
			r.Data = fmt.Sprintf(`"%d"`, c(4))
		case dns.TypeDS:
			r.Data = fmt.Sprintf("%d 13 2 %s", c(3), strings.Repeat("AB", 32))
		case dns.TypeSRV:
			r.Data = fmt.Sprintf("0 0 %d %s.", c(2), target)
		case dns.TypeHTTPS:
			r.Data = fmt.Sprintf("%d %s.", c(2), target)
			if c(2) == 0 {
				r.Data = `1 . alpn="h2"`
			}
		case 65400:
			r.Data = fmt.Sprintf(`\# 1 0%d`, c(4))
		default:
			r.Data = target + "."
		}
		out = append(out, r)
	}
	return out
}

// compare asks a table and the oracle.
func compare(t testing.TB, table *answers.Table, slow slowZones, name string, qtype uint16) {
	t.Helper()
	got, want := message(t, table, dnstest.Query{Name: name, Type: qtype}, 0), slow.answer(name, qtype)
	answer := slices.Equal(texts(want.Answer), texts(got.Answer))
	if qtype == dns.TypeANY && len(want.Answer) > 0 {
		answer = oneSetOf(got.Answer, want.Answer)
	}
	if want.Rcode != got.Rcode || want.Authoritative != got.Authoritative || !answer ||
		!slices.Equal(texts(want.Ns), texts(got.Ns)) || !slices.Equal(texts(want.Extra), texts(got.Extra)) || !wellFormed(got) {
		t.Fatalf("%s %s with\n%v\ngot\n%v\nwant\n%v", name, dns.Type(qtype), slow, got, want)
	}
}

// oneSetOf reports that there are records, all of them of one type, among others.
func oneSetOf(got, want []dns.RR) bool {
	for _, rr := range got {
		if rr.Header().Rrtype != got[0].Header().Rrtype || !slices.Contains(texts(want), rr.String()) {
			return false
		}
	}
	return len(got) > 0
}

// wellFormed holds RFC 2181 §5: no record twice, one TTL in an RRset.
func wellFormed(m *dns.Msg) bool {
	all := slices.Concat(m.Answer, m.Ns, m.Extra)
	if len(all) != len(slices.Compact(texts(all))) {
		return false
	}
	ttls := make(map[string]uint32)
	for _, rr := range all {
		h := rr.Header()
		key := h.Name + dns.Type(h.Rrtype).String()
		if before, ok := ttls[key]; ok && before != h.Ttl {
			return false
		}
		ttls[key] = h.Ttl
	}
	return true
}

func texts(in []dns.RR) []string {
	out := make([]string, 0, len(in))
	for _, rr := range in {
		out = append(out, rr.String())
	}
	slices.Sort(out)
	return out
}
