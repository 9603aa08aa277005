// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package secondaries_test

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/authtest"
)

// number gives a number from the environment, for longer runs than usual.
func number(t testing.TB, variable string, usual int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	require.NoError(t, err, "%s", variable)
	return n
}

// Random zones are served by ours, and loaded from zone files by BIND, Knot and
// NSD: each name and type has the same answer everywhere.
// JUDGE_ZONES says how many zones (6), JUDGE_SEED the first one's seed.
func TestRandomZonesAreAnsweredLikeByOthers(t *testing.T) {
	count, seed := number(t, "JUDGE_ZONES", 6), number(t, "JUDGE_SEED", 1)
	zones := make([]judgeZone, 0, count)
	var intents []gslb.ZoneIntent
	var hosts []dnstest.Host
	for i := range count {
		z := newJudgeZone(uint64(seed+i), fmt.Sprintf("z%d.test", seed+i))
		zones = append(zones, z)
		intents = append(intents, z.intent(t))
		hosts = append(hosts, z.hosts...)
	}
	worlds := dnstest.NewWorlds(t)
	worlds.SetZones(intents...)
	world := worlds.Set(hosts...)
	_, ours := dnstest.Serve(t, dnsserver.Config{}, dnstest.Table(t, nil, world))
	files := make([]authtest.Zone, 0, count)
	for _, z := range zones {
		text := z.text(t, worldZone(world, z.name), apex(t, ours, z.name))
		files = append(files, authtest.Zone{Name: z.name, Text: text})
	}
	j := newJury(t, ours, files)
	for _, s := range authtest.All() {
		j.join(authtest.Start(t, s, files...))
	}
	for _, z := range zones {
		j.compare(t, z.queries(), judgeTypes)
	}
	j.verdict(t, number(t, "JUDGE_SHOWN", 20))
	if dir := os.Getenv("JUDGE_DIR"); dir != "" && t.Failed() {
		for _, f := range files {
			require.NoError(t, os.WriteFile(dir+"/"+f.Name+"zone", []byte(f.Text), 0o600))
		}
	}
}

func newJury(t testing.TB, ours netip.AddrPort, files []authtest.Zone) *jury {
	t.Helper()
	j := &jury{ours: ours, zones: make(map[string]map[string][]dns.RR), classes: make(map[string]int)}
	for _, f := range files {
		z := make(map[string][]dns.RR)
		p := dns.NewZoneParser(strings.NewReader(f.Text), f.Name, "")
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			owner := strings.ToLower(rr.Header().Name)
			z[owner] = append(z[owner], rr)
		}
		require.NoError(t, p.Err())
		j.zones[f.Name] = z
	}
	return j
}

func (j *jury) join(s *authtest.Server) {
	j.names, j.addrs = append(j.names, s.Software), append(j.addrs, s.Addr)
}

func worldZone(w *gslb.World, name string) *gslb.Zone {
	for i := range w.Zones {
		if w.Zones[i].Zone.FQDN() == name {
			return &w.Zones[i]
		}
	}
	return nil
}

// apex gives the SOA and NS records of a zone as a server says them.
func apex(t testing.TB, server netip.AddrPort, zone string) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, typ := range []uint16{dns.TypeSOA, dns.TypeNS} {
		in := dnstest.Ask(t, server, dnstest.Query{Name: zone, Type: typ, TCP: true})
		require.NotEmpty(t, in.Answer, "%s %s", zone, dns.Type(typ))
		out = append(out, in.Answer...)
	}
	return out
}
