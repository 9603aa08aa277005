// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

const (
	zone = "cloud.example.com"
	soa  = "cloud.example.com. 30 IN SOA gslb-ns-eu-cloud.example.com. hostmaster.cloud.example.com. %SERIAL% 300 60 604800 30"
)

// exampleHosts are those of the zone that most tests ask.
func exampleHosts() []dnstest.Host {
	one := []string{"192.0.2.9"}
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("192.0.2.%d", i+1))
	}
	return []dnstest.Host{
		{Name: "app." + zone, Addrs: []string{"192.0.2.1", "2001:db8::1"}},
		{Name: "CAPITAL." + zone, Addrs: one},
		{Name: "a.b.ent." + zone, Addrs: one},
		{Name: "*.wild." + zone, Addrs: one},
		{Name: "x.wild." + zone, Addrs: []string{"2001:db8::2"}},
		{Name: "*.z." + zone, Addrs: one},
		{Name: "a.b.z." + zone, Addrs: one},
		{Name: "none." + zone},
		{Name: "many." + zone, Addrs: many},
	}
}

func exampleTable(t testing.TB) *answers.Table {
	t.Helper()
	w := dnstest.NewWorlds(t, zone, staticZone)
	w.Static(staticZone, staticRecords(t)...)
	return dnstest.Table(t, nil, w.Set(append(exampleHosts(), staticHosts()...)...))
}

// packet is a message that is put together octet by octet.
type packet []byte

// ask is a query for a name below the zone; "" is the apex, a name with a dot at
// its end is taken as it is.
func ask(t testing.TB, name string, qtype uint16) packet {
	t.Helper()
	switch {
	case name == "":
		name = zone + "."
	case !strings.HasSuffix(name, "."):
		name += "." + zone + "."
	}
	m := new(dns.Msg).SetQuestion(name, qtype)
	m.RecursionDesired = false
	m.Id = 0x1234
	b, err := m.Pack()
	require.NoError(t, err)
	return b
}

// header is a message of nothing but a header.
func header(flags uint16, counts ...uint16) packet {
	p := binary.BigEndian.AppendUint16(packet{0x12, 0x34}, flags)
	for i := range 4 {
		n := uint16(0)
		if i < len(counts) {
			n = counts[i]
		}
		p = binary.BigEndian.AppendUint16(p, n)
	}
	return p
}

// raw is a header with one question announced, and what follows it.
func raw(after ...byte) packet { return append(header(0, 1), after...) }

func (p packet) flags(or uint16) packet {
	out := slices.Clone(p)
	binary.BigEndian.PutUint16(out[2:], binary.BigEndian.Uint16(out[2:])|or)
	return out
}

func (p packet) opcode(n int) packet { return p.flags(uint16(n) << 11) }

func (p packet) class(c uint16) packet {
	out := slices.Clone(p)
	binary.BigEndian.PutUint16(out[len(out)-2:], c)
	return out
}

// count adds to one of the four counts of the header.
func (p packet) count(section int, n uint16) packet {
	out := slices.Clone(p)
	at := out[4+2*section:]
	binary.BigEndian.PutUint16(at, binary.BigEndian.Uint16(at)+n)
	return out
}

func (p packet) tail(b ...byte) packet { return append(slices.Clone(p), b...) }

// record adds a record; section is 1 to 3.
func (p packet) record(section int, owner string, rrtype, class uint16, ttl uint32, rdata ...byte) packet {
	out := p.count(section, 1)
	out = append(out, owner...)
	out = binary.BigEndian.AppendUint16(out, rrtype)
	out = binary.BigEndian.AppendUint16(out, class)
	out = binary.BigEndian.AppendUint32(out, ttl)
	out = binary.BigEndian.AppendUint16(out, uint16(len(rdata)))
	return append(out, rdata...)
}

// opt adds an OPT record with options in wire form.
func (p packet) opt(size uint16, ttl uint32, options ...byte) packet {
	return p.record(3, "\x00", dns.TypeOPT, size, ttl, options...)
}

// tsig adds a TSIG record of a key that nobody has.
func (p packet) tsig() packet {
	rdata := append([]byte("\x0bhmac-sha256\x00"), 0, 0, 0x65, 0, 0, 0, 1, 0x2C, 0, 32)
	rdata = append(rdata, make([]byte, 32)...)
	rdata = append(rdata, 0x12, 0x34, 0, 0, 0, 0)
	return p.record(3, "\x07unknown\x00", dns.TypeTSIG, dns.ClassANY, 0, rdata...)
}

const do = 1 << 15 // the DO bit in the TTL of an OPT record
