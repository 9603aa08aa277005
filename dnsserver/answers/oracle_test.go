// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// oracle looks names up as RFC 1034 §4.3.2 and RFC 4592 say, slowly and with
// nothing but lists of names.
type oracle struct {
	zones []string
	hosts map[string]bool // name → has an IPv4 address
}

func within(name, above string) bool { return name == above || strings.HasSuffix(name, "."+above) }

func (o *oracle) zoneOf(name string) string {
	best := ""
	for _, z := range o.zones {
		if within(name, z) && len(z) > len(best) {
			best = z
		}
	}
	return best
}

// exists: something owns the name, or a name below it.
func (o *oracle) exists(name string) bool {
	for h := range o.hosts {
		if within(h, name) {
			return true
		}
	}
	return slices.ContainsFunc(o.zones, func(z string) bool { return within(z, name) })
}

func (o *oracle) lookup(name string) (kind answers.Kind, owner string) {
	if o.zoneOf(name) == "" {
		return answers.Refused, ""
	}
	owner = name
	if !o.exists(name) {
		encloser := name
		for !o.exists(encloser) {
			_, encloser, _ = strings.Cut(encloser, ".")
		}
		owner = "*." + encloser
		if _, ok := o.hosts[owner]; !ok {
			return answers.NXDomain, ""
		}
	}
	if o.hosts[owner] {
		return answers.Answer, owner
	}
	return answers.NoData, owner
}

// randomName gives a name of up to four labels below a zone, from so few labels
// that names often meet.
func randomName(r *rand.Rand, zones []string) string {
	name := zones[r.IntN(len(zones))]
	for range r.IntN(4) {
		name = string("abc"[r.IntN(3)]) + "." + name
	}
	if r.IntN(4) == 0 {
		name = "*." + name
	}
	return name
}

// Random hosts come and go in random zones; after each step the Table that was
// revised agrees with the oracle, and with one that is built anew.
func TestTableAgreesWithTheOracleOnRandomZones(t *testing.T) {
	layouts := [][]string{
		{"z.test"},
		{"z.test", "a.z.test"},
		{"z.test", "b.a.z.test", "c.b.a.z.test", "other.test"},
	}
	for seed, zones := range layouts {
		t.Run(fmt.Sprint(zones), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 7))
			w := dnstest.NewWorlds(t, zones...)
			o := &oracle{zones: zones, hosts: make(map[string]bool)}
			table := w.Table()
			for range 60 {
				table = dnstest.Table(t, table, step(r, w, o))
				anew := dnstest.Table(t, nil, table.World())
				require.Equal(t, anew.Len(), table.Len(), "names that exist")
				for range 200 {
					agree(t, r, o, table, anew)
				}
			}
		})
	}
}

// step changes a few hosts.
func step(r *rand.Rand, w *dnstest.Worlds, o *oracle) *gslb.World {
	for range r.IntN(3) {
		name := randomName(r, o.zones)
		if _, ok := o.hosts[name]; ok && r.IntN(2) == 0 {
			delete(o.hosts, name)
			w.Remove(name)
			continue
		}
		h := dnstest.Host{Name: name}
		if o.hosts[name] = r.IntN(3) > 0; o.hosts[name] {
			h.Addrs = []string{fmt.Sprintf("192.0.2.%d", r.IntN(250)+1)}
		}
		w.Set(h)
	}
	for name := range o.hosts {
		if r.IntN(20) == 0 {
			delete(o.hosts, name)
			w.Remove(name)
		}
	}
	return w.Set()
}

func agree(t *testing.T, r *rand.Rand, o *oracle, tables ...*answers.Table) {
	t.Helper()
	name := randomName(r, append([]string{"test"}, o.zones...))
	kind, owner := o.lookup(name)
	for i, table := range tables {
		got := lookup(table, name, dns.TypeA)
		require.Equalf(t, kind, got.Kind, "%s in table %d with %v", name, i, o.hosts)
		require.Equal(t, owner, got.Owner.String(), name)
		require.Equal(t, o.zoneOf(name), got.Zone.String(), name)
		if kind == answers.Answer {
			assert.Equal(t, table.World().Host(gslb.MustName(owner)), got.Host)
			require.Len(t, got.Shares, 1)
		}
	}
}
