// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

func within(name, above string) bool { return name == above || strings.HasSuffix(name, "."+above) }

// Random hosts and static records come and go in random zones; after each step
// the Table that was revised agrees with the oracle, and with one that is built
// anew.
func TestTableAgreesWithTheOracleOnRandomZones(t *testing.T) {
	layouts := [][]string{
		{"z.test"},
		{"z.test", "a.z.test"},
		{"z.test", "b.a.z.test", "c.b.a.z.test", "other.test"},
		{"x.test", "z.x.test", "a.b.z.x.test"},
	}
	for seed, zones := range layouts {
		t.Run(fmt.Sprint(zones), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 7))
			c := choices(r.IntN)
			w := dnstest.NewWorlds(t, zones...)
			hosts := make(map[string]bool)
			table := w.Table()
			for range 60 {
				table = dnstest.Table(t, table, step(c, w, zones, hosts))
				anew := dnstest.Table(t, nil, table.World())
				require.Equal(t, anew.Len(), table.Len(), "names that exist")
				require.Empty(t, table.LeftOut())
				slow := slowOf(t, table.World())
				for range 200 {
					name, qtype := c.name(append([]string{"test"}, zones...)), oracleTypes[c(len(oracleTypes))]
					compare(t, table, slow, name, qtype)
					compare(t, anew, slow, name, qtype)
				}
			}
		})
	}
}

// step changes a few hosts, or the static records of a zone.
func step(c choices, w *dnstest.Worlds, zones []string, hosts map[string]bool) *gslb.World {
	for range c(3) {
		name := c.name(zones)
		if hosts[name] && c(2) == 0 {
			delete(hosts, name)
			w.Remove(name)
			continue
		}
		h := dnstest.Host{Name: name}
		if c(3) > 0 {
			h.Addrs = []string{fmt.Sprintf("192.0.2.%d", c(250)+1)}
		}
		hosts[name] = true
		w.Set(h)
	}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		if c(10) == 0 {
			delete(hosts, name)
			w.Remove(name)
		}
	}
	if c(2) == 0 {
		w.Static(zones[c(len(zones))], c.records(zones, c(20))...)
	}
	return w.Set()
}

// The same with zones that a fuzzer makes up.
func FuzzTable(f *testing.F) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 8))
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := choices(func(n int) int {
			if len(b) == 0 {
				return 0
			}
			x := int(b[0]) % n
			b = b[1:]
			return x
		})
		zones := [][]string{{"z.test"}, {"z.test", "a.z.test"}, {"x.test", "z.x.test", "a.b.z.x.test"}}[c(3)]
		w := dnstest.NewWorlds(t, zones...)
		hosts := make(map[string]bool)
		table := w.Table()
		for range 3 {
			table = dnstest.Table(t, table, step(c, w, zones, hosts))
		}
		slow := slowOf(t, table.World())
		owners := make(map[string]bool)
		for zone, rrs := range slow {
			owners[zone] = true
			for _, rr := range rrs {
				owners[ownerOf(rr)] = true
			}
		}
		for _, owner := range slices.Sorted(maps.Keys(owners)) {
			for _, name := range []string{owner, "b." + owner, strings.Replace(owner, "*", "q", 1)} {
				for _, qtype := range oracleTypes {
					compare(t, table, slow, name, qtype)
				}
			}
		}
	})
}
