// SPDX-License-Identifier: Apache-2.0

package dnsserver_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rows gives the table. Rows of other behaviour have tests of their own: source
// addresses (18), what changes at run time (49), truncation (78–83), NSID (95),
// keepalive (103), EDE (104), TCP (105–110).
func rows(t *testing.T) []row {
	t.Helper()
	return slices.Concat(framingRows(t), opcodeRows(t), typeRows(t), nameRows(t), ednsRows(t), cookieRows(t), subnetRows(t), tsigRows(t), staticRows(t), aliasRows(t), delegationRows(t))
}

// app is the wire form of the host that most rows ask for.
var app = []byte("\x03app\x05cloud\x07example\x03com\x00")

// longest is a question for a name of so many octets below the zone.
func longest(octets int) packet {
	b := []byte{}
	for left := octets - len(zone) - 2; left > 0; {
		n := min(63, left-1)
		if left-1-n == 1 {
			n--
		}
		b = append(append(b, byte(n)), strings.Repeat("a", n)...)
		left -= n + 1
	}
	return raw(append(b, "\x05cloud\x07example\x03com\x00\x00\x01\x00\x01"...)...)
}

// framingRows are about framing and the header.
func framingRows(t *testing.T) []row {
	t.Helper()
	a := func(name string) packet { return ask(t, name, dns.TypeA) }
	return []row{
		{1, "no octet", packet{}, "udp", silence},
		{1, "11 octets", header(0, 1)[:11], "", silence},
		{2, "QR set", a("app").flags(1 << 15), "", silence},
		{3, "no question", header(0), "", bare(formErr)},
		{4, "a question announced, none there", header(0, 1), "", bare(formErr)},
		{5, "two questions", a("app").count(0, 1).tail(app...).tail(0, 1, 0, 1), "", bare(formErr)},
		{6, "cut in a label", raw(app[:3]...), "", bare(formErr)},
		{6, "cut before the root", raw(app[:len(app)-1]...), "", bare(formErr)},
		{6, "no type", raw(app...), "", bare(formErr)},
		{6, "no class", raw(append(app, 0, 1)...), "", bare(formErr)},
		{6, "half a class", raw(append(app, 0, 1, 0)...), "", bare(formErr)},
		{7, "a pointer to itself", raw(0xC0, 12, 0, 1, 0, 1), "", bare(formErr)},
		{7, "a pointer to the header", raw(0xC0, 0, 0, 1, 0, 1), "", bare(formErr)},
		{7, "a pointer forward", raw(0xC0, 18, 0, 1, 0, 1, 0), "", bare(formErr)},
		{7, "a pointer after a label", raw(1, 'a', 0xC0, 12, 0, 1, 0, 1), "", bare(formErr)},
		{8, "label type 0x40", raw(0x41, 'a', 0, 0, 1, 0, 1), "", bare(formErr)},
		{8, "label type 0x80", raw(0x81, 'a', 0, 0, 1, 0, 1), "", bare(formErr)},
		{9, "256 octets", longest(256), "", bare(formErr)},
		{10, "255 octets", longest(255), "", nxDomain},
		{11, "an additional record announced, none there", a("app").count(3, 1), "", formErr},
		{11, "an answer announced, none there", a("app").count(1, 1), "", formErr},
		{11, "RDATA cut", a("app").record(3, "\x00", dns.TypeA, 1, 0, 1, 2, 3, 4)[:len(a("app"))+13], "", formErr},
		{12, "octets after the message", a("app").tail(1, 2, 3), "", appA},
		{13, "a record in the answer section", a("app").record(1, "\xc0\x0c", dns.TypeA, 1, 9, 6, 6, 6, 6), "", appA},
		{13, "a record in the authority section", a("app").record(2, "\xc0\x0c", dns.TypeNS, 1, 9, 0), "", appA},
		{14, "AA, TC, RA, Z and AD set", a("app").flags(0x0400 | 0x0200 | 0x0080 | 0x0040 | 0x0020), "", appA},
		{15, "RD set", a("app").flags(0x0100), "", want{aa: true, rd: true, answer: appA.answer}},
		{16, "CD set", a("app").flags(0x0010), "", appA},
		{17, "an RCODE set", a("app").flags(5), "", appA},
	}
}

// opcodeRows are about opcodes and classes.
func opcodeRows(t *testing.T) []row {
	t.Helper()
	q := func(name string, qtype uint16) packet { return ask(t, name, qtype) }
	a := func(name string) packet { return ask(t, name, dns.TypeA) }
	return []row{
		{20, "IQUERY", a("app").opcode(1), "", notImp},
		{20, "STATUS", a("app").opcode(2), "", notImp},
		{20, "opcode 3", a("app").opcode(3), "", notImp},
		{20, "opcode 7", a("app").opcode(7), "", notImp},
		{20, "opcode 14", a("app").opcode(14), "", notImp},
		{21, "opcode 15, header only", header(15 << 11), "", bare(notImp)},
		{22, "opcode 15, every flag", header(15<<11 | 0x07F0), "", bare(notImp)},
		{22, "opcode 15, every flag, a question", a("app").opcode(15).flags(0x07F0), "", notImp},
		{23, "DSO", header(6 << 11), "", bare(notImp)},
		{24, "NOTIFY from a stranger", q("", dns.TypeSOA).opcode(dns.OpcodeNotify), "", refused},
		{25, "UPDATE, unsigned", q("", dns.TypeSOA).opcode(dns.OpcodeUpdate).record(2, string(app), dns.TypeA, 1, 9, 6, 6, 6, 6), "", refused},
		{25, "UPDATE, cut", q("", dns.TypeSOA).opcode(dns.OpcodeUpdate).count(2, 1), "", formErr},
		{26, "class HS", a("app").class(dns.ClassHESIOD), "", refused},
		{26, "class NONE", a("app").class(dns.ClassNONE), "", refused},
		{26, "class 4711", a("app").class(4711), "", refused},
		{27, "class CH, our own zone", a("").class(dns.ClassCHAOS), "", refused},
		{28, "version.bind", q("version.bind.", dns.TypeTXT).class(dns.ClassCHAOS), "", refused},
		{28, "id.server", q("id.server.", dns.TypeTXT).class(dns.ClassCHAOS), "", refused},
		{29, "class ANY", a("app").class(dns.ClassANY), "", refused},
	}
}

// typeRows are about types of questions.
func typeRows(t *testing.T) []row {
	t.Helper()
	q := func(name string, qtype uint16) packet { return ask(t, name, qtype) }
	return []row{
		{30, "type 0", q("app", 0), "", noData},
		{30, "type 65280", q("app", 65280), "", noData},
		{30, "type 65535", q("app", 65535), "", noData},
		{31, "type OPT", q("app", dns.TypeOPT), "", noData},
		{31, "type TSIG", q("app", dns.TypeTSIG), "", noData},
		{31, "type TKEY", q("app", dns.TypeTKEY), "", noData},
		{31, "type MAILA", q("app", dns.TypeMAILA), "", noData},
		{31, "type MAILB", q("app", dns.TypeMAILB), "", noData},
		{33, "AXFR over UDP", q("", dns.TypeAXFR), "udp", refused},
		{34, "AXFR, unsigned", q("", dns.TypeAXFR), "tcp", refused},
		{35, "IXFR, unsigned", q("", dns.TypeIXFR), "", refused},
		{36, "ANY over UDP", q("app", dns.TypeANY), "udp", appA},
		{36, "ANY of 60 addresses over UDP", q("many", dns.TypeANY).opt(4096, 0), "udp", want{aa: true, tc: true}},
		{37, "ANY over TCP", q("app", dns.TypeANY), "tcp", appA},
		{37, "ANY of 60 addresses over TCP", q("many", dns.TypeANY), "tcp", want{aa: true, some: true}},
		{38, "DS at our apex", q("", dns.TypeDS), "", noData},
		{40, "RRSIG", q("app", dns.TypeRRSIG), "", noData},
		{40, "NSEC", q("app", dns.TypeNSEC), "", noData},
		{41, "type 128, no compact denial", q("app", 128), "", noData},
	}
}

// nameRows are about names: case, absence, wildcards, other zones, the apex.
func nameRows(t *testing.T) []row {
	t.Helper()
	q := func(name string, qtype uint16) packet { return ask(t, name, qtype) }
	a := func(name string) packet { return ask(t, name, dns.TypeA) }
	return []row{
		{42, "mixed case", a("aPp.cLOUD.eXample.COM."), "", want{aa: true, answer: []string{"aPp.cLOUD.eXample.COM. 30 IN A 192.0.2.1"}}},
		{42, "mixed case, no such name", a("nO.cLOUD.eXample.COM."), "", want{aa: true, rcode: dns.RcodeNameError,
			authority: []string{"cLOUD.eXample.COM. 30 IN SOA gslb-ns-eu-cloud.eXample.COM. hostmaster.cLOUD.eXample.COM. %SERIAL% 300 60 604800 30"}}},
		{43, "configured with capitals", a("capital"), "", data("capital", "A", "192.0.2.9")},
		{44, "octets above ASCII are not folded", a(`\193pp`), "", nxDomain},
		{45, "absent type", q("app", dns.TypeTXT), "", noData},
		{46, "absent name", a("absent"), "", nxDomain},
		{47, "empty non-terminal", a("b.ent"), "", noData},
		{47, "empty non-terminal, two levels", a("ent"), "", noData},
		{48, "child of a leaf", a("x.app"), "", nxDomain},
		{50, "wildcard", a("q.wild"), "", data("q.wild", "A", "192.0.2.9")},
		{50, "wildcard, two labels deep", a("r.q.wild"), "", data("r.q.wild", "A", "192.0.2.9")},
		{51, "wildcard, absent type", q("q.wild", dns.TypeAAAA), "", noData},
		{52, "sibling of a wildcard, absent type", a("x.wild"), "", noData},
		{53, "child of that sibling", a("s.x.wild"), "", nxDomain},
		{54, "empty non-terminal beside a wildcard", a("b.z"), "", noData},
		{54, "a name below it", a("c.b.z"), "", nxDomain},
		{55, "the wildcard itself", a("*.wild"), "", data("*.wild", "A", "192.0.2.9")},
		{55, "an asterisk two labels deep", a("*.q.wild"), "", data("*.q.wild", "A", "192.0.2.9")},
		{55, "below the wildcard itself", a("s.*.wild"), "", nxDomain},
		{57, "outside", a("www.example.org."), "", refused},
		{57, "outside, with OPT", a("www.example.org.").opt(1232, 0), "", refused},
		{58, "NS of the root", q(".", dns.TypeNS), "", refused},
		{58, "SOA of the parent", q("example.com.", dns.TypeSOA), "", refused},
		{59, "a suffix, but not of labels", a("xcloud.example.com."), "", refused},
		{59, "a dot within a label", a(`www\.cloud.example.com.`), "", refused},
		{60, "strange octets", a(`\000\255\032\092\034`), "", nxDomain},
		{62, "CNAME of a host", q("app", dns.TypeCNAME), "", noData},
		{69, "CNAME of the apex", q("", dns.TypeCNAME), "", noData},
		{71, "NS of the apex", q("", dns.TypeNS), "", want{aa: true, answer: []string{zone + ". 300 IN NS gslb-ns-eu-cloud.example.com."}}},
		{74, "SOA", q("", dns.TypeSOA), "", want{aa: true, answer: []string{soa}}},
		{77, "a host with nothing to answer", a("none"), "", noData},
	}
}

// ednsRows are about EDNS.
func ednsRows(t *testing.T) []row {
	t.Helper()
	a := func(name string) packet { return ask(t, name, dns.TypeA) }
	return []row{
		{84, "a query of 600 octets", a("app").opt(1232, 0, option(65001, 600)...), "", appA},
		{84, "a query of 1,400 octets", a("app").opt(1232, 0, option(65001, 1350)...), "", appA},
		{84, "a query of 40,000 octets", a("app").opt(1232, 0, option(65001, 40000)...), "", appA},
		{85, "OPT, answer", a("app").opt(4096, 0), "", appA},
		{85, "OPT, no such name", a("absent").opt(4096, 0), "", nxDomain},
		{85, "OPT, format error after it", a("app").opt(4096, 0).count(3, 1), "", formErr},
		{85, "OPT, opcode", a("app").opcode(3).opt(4096, 0), "", notImp},
		{86, "no OPT", a("app"), "", appA},
		{87, "version 1", a("app").opt(4096, 1<<16), "", badVers},
		{87, "version 255, options and DO", a("app").opt(4096, 255<<16|do, option(65001, 9)...), "", badVers},
		{87, "version 1 outside our zones", a("www.example.org.").opt(4096, 1<<16), "", badVers},
		{88, "an option nobody knows", a("app").opt(4096, 0, option(65001, 9)...), "", appA},
		{89, "every unknown flag", a("app").opt(4096, 0x7FFF), "", appA},
		{90, "two OPT", a("app").opt(4096, 0).opt(4096, 0), "", formErr},
		{91, "OPT owned by a name", a("app").record(3, "\xc0\x0c", dns.TypeOPT, 4096, 0), "", formErr},
		{91, "OPT in the answer section", a("app").record(1, "\x00", dns.TypeOPT, 4096, 0), "", formErr},
		{91, "OPT in the authority section", a("app").record(2, "\x00", dns.TypeOPT, 4096, 0), "", formErr},
		{92, "option past the end", a("app").opt(4096, 0, 0xFD, 0xE9, 0, 9, 1), "", formErr},
		{92, "half an option", a("app").opt(4096, 0, 0xFD, 0xE9, 0), "", formErr},
		{92, "RDLENGTH past the end", a("app").opt(4096, 0).tail()[:len(a("app"))+9], "", formErr},
		{93, "extended RCODE set", a("app").opt(4096, 0xAB<<24), "", appA},
		{94, "DO", a("app").opt(4096, do), "", appA},
	}
}

// cookieRows are about DNS cookies. Their worth is in TestRFC9018_AppendixA and
// TestWhichCookiesAreBelieved.
func cookieRows(t *testing.T) []row {
	t.Helper()
	q := func(octets int) packet {
		return ask(t, "app", dns.TypeA).opt(1232, 0, cookieOption(bytes.Repeat([]byte{7}, octets))...)
	}
	given := func(t *testing.T, options map[uint16][]byte) {
		t.Helper()
		require.Len(t, options[dns.EDNS0COOKIE], 24)
		assert.Equal(t, bytes.Repeat([]byte{7}, 8), options[dns.EDNS0COOKIE][:8], "the client's part")
		assert.Equal(t, []byte{1, 0, 0, 0}, options[dns.EDNS0COOKIE][8:12], "version and reserved octets")
		assert.Len(t, options, 1)
	}
	answer := want{aa: true, answer: appA.answer, options: given}
	two := append(cookieOption(bytes.Repeat([]byte{7}, 8)), cookieOption(bytes.Repeat([]byte{8}, 8))...)
	return []row{
		{19, "no question, a cookie", header(0).opt(1232, 0, cookieOption(bytes.Repeat([]byte{7}, 8))...), "", want{none: true, options: given}},
		{19, "no question, a cookie, version 1", header(0).opt(1232, 1<<16, cookieOption(bytes.Repeat([]byte{7}, 8))...), "", want{none: true, rcode: dns.RcodeBadVers, options: given}},
		{19, "no question, no cookie", header(0).opt(1232, 0), "", want{none: true, rcode: dns.RcodeFormatError}},
		{96, "the client's part", q(8), "", answer},
		{96, "two cookies", ask(t, "app", dns.TypeA).opt(1232, 0, two...), "", answer},
		{97, "empty", q(0), "", formErr},
		{97, "7 octets", q(7), "", formErr},
		{97, "9 octets", q(9), "", formErr},
		{97, "15 octets", q(15), "", formErr},
		{97, "41 octets", q(41), "", formErr},
		{98, "another server's part", q(24), "", answer},
		{98, "a long one", q(40), "", answer},
	}
}

// subnetRows are about client subnets, on which no answer depends yet.
func subnetRows(t *testing.T) []row {
	t.Helper()
	q := func(name string, data ...byte) packet {
		return ask(t, name, dns.TypeA).opt(1232, 0, append([]byte{0, dns.EDNS0SUBNET, 0, byte(len(data))}, data...)...)
	}
	echo := func(w want, data ...byte) want {
		w.options = func(t *testing.T, options map[uint16][]byte) {
			t.Helper()
			assert.Equal(t, data, options[dns.EDNS0SUBNET], "as it came, scope 0")
		}
		return w
	}
	return []row{
		{100, "/24", q("app", 0, 1, 24, 0, 192, 0, 2), "", echo(appA, 0, 1, 24, 0, 192, 0, 2)},
		{100, "/20", q("app", 0, 1, 20, 0, 192, 0, 16), "", echo(appA, 0, 1, 20, 0, 192, 0, 16)},
		{100, "/56 of IPv6", q("app", 0, 2, 56, 0, 0x20, 1, 0xD, 0xB8, 0, 0, 1), "", echo(appA, 0, 2, 56, 0, 0x20, 1, 0xD, 0xB8, 0, 0, 1)},
		{100, "no such name", q("absent", 0, 1, 24, 0, 192, 0, 2), "", echo(nxDomain, 0, 1, 24, 0, 192, 0, 2)},
		{100, "outside", q("www.example.org.", 0, 1, 24, 0, 192, 0, 2), "", refused},
		{101, "a scope", q("app", 0, 1, 24, 24, 192, 0, 2), "", formErr},
		{101, "family 9", q("app", 0, 9, 24, 0, 192, 0, 2), "", formErr},
		{101, "/33", q("app", 0, 1, 33, 0, 192, 0, 2, 1, 0), "", formErr},
		{101, "/129 of IPv6", q("app", append([]byte{0, 2, 129, 0}, make([]byte, 17)...)...), "", formErr},
		{101, "stray bits", q("app", 0, 1, 20, 0, 192, 0, 17), "", formErr},
		{101, "an octet too many", q("app", 0, 1, 24, 0, 192, 0, 2, 0), "", formErr},
		{101, "an octet too few", q("app", 0, 1, 24, 0, 192, 0), "", formErr},
		{101, "cut", q("app", 0, 1, 24), "", formErr},
		{102, "/0", q("app", 0, 1, 0, 0), "", echo(appA, 0, 1, 0, 0)},
		{102, "/0 of no family", q("app", 0, 0, 0, 0), "", echo(appA, 0, 0, 0, 0)},
	}
}

// tsigRows are about signatures, where nobody has a key.
func tsigRows(t *testing.T) []row {
	t.Helper()
	a := func(name string) packet { return ask(t, name, dns.TypeA) }
	return []row{
		{111, "signed with a key nobody has", a("app").tsig(), "", want{rcode: dns.RcodeNotAuth}},
		{116, "TSIG is not last", a("app").tsig().opt(4096, 0), "", formErr},
		{116, "two TSIG", a("app").tsig().tsig(), "", formErr},
		{116, "TSIG in the answer section", a("app").record(1, "\x00", dns.TypeTSIG, dns.ClassANY, 0), "", formErr},
		{116, "octets after the TSIG", a("app").tsig().tail(0), "", formErr},
	}
}

// option is an EDNS option filled with zeros.
func option(code, length uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	b = binary.BigEndian.AppendUint16(b, length)
	return append(b, make([]byte, length)...)
}
