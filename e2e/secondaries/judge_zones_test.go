// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// judgeZone is a random zone as it is asked for: hosts and records, of which some
// break the rules of zones and are not to be served.
type judgeZone struct {
	name    string // with the trailing dot
	hosts   []dnstest.Host
	records []judgeRecord
}

// judgeRecord is a record as people write it.
type judgeRecord struct {
	owner, typ string
	ttl        uint32
	data       string
}

// zoneGen makes random zones. Names are made of so few labels that they often
// meet, above and below each other.
type zoneGen struct {
	*rand.Rand
	zone string
}

// newJudgeZone gives the zone of a seed.
func newJudgeZone(seed uint64, zone string) judgeZone {
	g := &zoneGen{rand.New(rand.NewPCG(seed, 0x7a6f6e65)), dns.Fqdn(zone)}
	z := judgeZone{name: g.zone}
	seen := make(map[string]bool)
	for range 2 + g.IntN(6) {
		h := g.host()
		if seen[h.Name] {
			continue
		}
		seen[h.Name] = true
		z.hosts = append(z.hosts, h)
	}
	for range 6 + g.IntN(25) {
		g.set(&z)
	}
	return z
}

func (z *judgeZone) add(owner, typ string, ttl uint32, data ...string) {
	for _, d := range data {
		z.records = append(z.records, judgeRecord{owner, typ, ttl, d})
	}
}

// name gives a name of the zone, with the trailing dot; sometimes a wildcard.
func (g *zoneGen) name() string {
	name := g.zone
	for range g.IntN(4) {
		name = []string{"a", "b", "c", "a", "b", "_t"}[g.IntN(6)] + "." + name
	}
	if g.IntN(5) == 0 {
		name = "*." + name
	}
	if g.IntN(8) == 0 {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// target gives a name that a record leads to: here, elsewhere, or nowhere.
func (g *zoneGen) target() string {
	switch g.IntN(8) {
	case 0:
		return "www.example."
	case 1:
		return "absent." + g.name()
	default:
		return strings.TrimPrefix(g.name(), "*.")
	}
}

func (g *zoneGen) host() dnstest.Host {
	h := dnstest.Host{Name: strings.ToLower(strings.TrimSuffix(g.name(), ".")), Policy: gslb.Policy{TTL: uint32(5 * (1 + g.IntN(20)))}}
	n := []int{0, 1, 1, 2, 3, 20}[g.IntN(6)]
	for _, i := range g.Perm(250)[:n] {
		h.Addrs = append(h.Addrs, fmt.Sprintf("192.0.2.%d", i+1))
	}
	if g.IntN(2) == 0 {
		for _, i := range g.Perm(250)[:n] {
			h.Addrs = append(h.Addrs, fmt.Sprintf("2001:db8::%x", i+1))
		}
	}
	return h
}

// set adds the records of one name and type, for some types with what belongs to
// them.
func (g *zoneGen) set(z *judgeZone) {
	owner, ttl := g.name(), uint32(10*g.IntN(30))
	n := 1 + g.IntN(3)
	switch k := g.IntN(24); k {
	case 0, 1, 2:
		z.add(owner, "A", ttl, g.addrs(n, "198.51.100.%d")...)
	case 3, 4:
		z.add(owner, "AAAA", ttl, g.addrs(n, "2001:db8:1::%x")...)
	case 5:
		for _, i := range g.Perm(85)[:20+g.IntN(60)] { // BIND takes no more than 100 in a set, and such sets may meet
			z.add(owner, "A", ttl, fmt.Sprintf("203.0.113.%d", i+1))
		}
	case 6, 7, 8, 9, 10:
		z.add(owner, "CNAME", ttl, g.target())
	case 11, 12:
		for range n {
			z.add(owner, "MX", ttl, fmt.Sprintf("%d %s", g.IntN(20), g.target()))
		}
	case 13:
		for range n {
			z.add(owner, "SRV", ttl, fmt.Sprintf("%d %d 443 %s", g.IntN(3), g.IntN(3), g.target()))
		}
	case 14, 15, 16:
		g.cut(z, owner, ttl)
	case 17:
		z.add(owner, "HTTPS", ttl, fmt.Sprintf("%d %s alpn=h2,h3 port=8443", 1+g.IntN(3), g.target()), "0 "+g.target())
	case 18:
		z.add(owner, "TXT", ttl, fmt.Sprintf(`"%s" "\"q\" \\ \000\255 ;"`, strings.Repeat("t", g.IntN(256))))
	case 19:
		for i := range 1 + g.IntN(12) {
			z.add(owner, "TXT", ttl, fmt.Sprintf(`"%d" "%s"`, i, strings.Repeat("x", 250)))
		}
	default:
		g.rare(z, owner, ttl)
	}
}

// rare adds a record of one of the types that are seldom seen.
func (g *zoneGen) rare(z *judgeZone, owner string, ttl uint32) {
	rare := [][2]string{
		{"CAA", `0 issue "ca.example; account=1"`}, {"CAA", `128 iodef "mailto:a@b.example"`},
		{"TYPE65400", `\# 5 0102C00CFF`}, {"TYPE65400", `\# 0`}, {"TYPE731", `\# 3 616263`},
		{"SVCB", "1 " + g.target() + " ipv4hint=192.0.2.1 key667=hello"},
		{"PTR", g.target()}, {"NAPTR", `10 20 "S" "SIP+D2U" "" ` + g.target()},
		{"SSHFP", "1 2 " + strings.Repeat("0a", 32)}, {"TLSA", "3 1 1 " + strings.Repeat("b0", 32)},
		{"LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"}, {"HINFO", `"cpu" "os \"x\""`},
		{"RP", g.target() + " " + g.target()}, {"URI", `10 1 "https://example/x"`},
		{"DS", "12345 13 2 " + strings.Repeat("ab", 32)}, {"AFSDB", "1 " + g.target()}, {"KX", "1 " + g.target()},
		{"SPF", `"v=spf1 -all"`}, {"DNAME", g.target()}, {"EUI64", "00-00-5e-ef-10-00-00-2a"}, {"EUI48", "00-00-5e-00-53-2a"},
		{"OPENPGPKEY", "bWVyaWRpYW4="}, {"CDS", "12345 13 2 " + strings.Repeat("ab", 32)},
	}
	r := rare[g.IntN(len(rare))]
	z.add(owner, r[0], ttl, r[1])
}

// cut adds a delegation: with servers inside it, in a sibling, in the zone or
// elsewhere, mostly with their addresses, sometimes with a DS, and things below
// that nobody may see.
func (g *zoneGen) cut(z *judgeZone, owner string, ttl uint32) {
	for i := range 1 + g.IntN(3) {
		ns := fmt.Sprintf("ns%d.%s", i, owner)
		switch g.IntN(4) {
		case 0:
			ns = g.target()
		case 1:
			ns = fmt.Sprintf("ns%d.%s", i, g.name())
		}
		ns = strings.ReplaceAll(ns, "*.", "")
		z.add(owner, "NS", ttl, ns)
		if !strings.HasSuffix(strings.ToLower(ns), g.zone) || g.IntN(5) == 0 {
			continue
		}
		z.add(ns, "A", ttl, g.addrs(1+g.IntN(2), "198.51.100.%d")...)
		if g.IntN(3) == 0 {
			z.add(ns, "AAAA", ttl, g.addrs(1, "2001:db8:2::%x")...)
		}
	}
	if g.IntN(4) == 0 {
		z.add(owner, "DS", ttl, fmt.Sprintf("%d 13 2 %s", g.IntN(65536), strings.Repeat("cd", 32)))
	}
	if g.IntN(3) == 0 && !strings.HasPrefix(owner, "*.") {
		below := [][2]string{{"A", "192.0.2.66"}, {"TXT", `"hidden"`}, {"NS", "ns.example."}, {"MX", "0 ."}}[g.IntN(4)]
		z.add("b."+owner, below[0], ttl, below[1])
	}
}

func (g *zoneGen) addrs(n int, form string) []string {
	var out []string
	for _, i := range g.Perm(250)[:n] {
		out = append(out, fmt.Sprintf(form, i+1))
	}
	return out
}
