// SPDX-License-Identifier: Apache-2.0

package answers_test

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
)

func kinds(table *answers.Table, names ...string) map[string]answers.Kind {
	out := make(map[string]answers.Kind)
	for _, n := range names {
		out[n] = lookup(table, n+"."+zone, dns.TypeA).Kind
	}
	return out
}

func TestRFC4592_EmptyNonTerminalsExist(t *testing.T) {
	table := build(t, dnstest.Host{Name: "a.b.ent." + zone, Addrs: []string{"192.0.2.1"}})
	assert.Equal(t, map[string]answers.Kind{
		"a.b.ent": answers.Answer,
		"b.ent":   answers.NoData,
		"ent":     answers.NoData,
		"c.ent":   answers.NXDomain,
		"c.b.ent": answers.NXDomain,
		"x":       answers.NXDomain,
	}, kinds(table, "a.b.ent", "b.ent", "ent", "c.ent", "c.b.ent", "x"))
}

// A removed host takes with it the empty non-terminals that only it made, in
// the same Table (row 49).
func TestRemovingAHostRemovesOnlyItsOwnEmptyNonTerminals(t *testing.T) {
	w := dnstest.NewWorlds(t, zone)
	one := []string{"192.0.2.1"}
	first := dnstest.Table(t, nil, w.Set(
		dnstest.Host{Name: "a.b.ent." + zone, Addrs: one},
		dnstest.Host{Name: "c.ent." + zone, Addrs: one},
		dnstest.Host{Name: "y.x." + zone, Addrs: one},
		dnstest.Host{Name: "x." + zone, Addrs: one},
	))
	second := dnstest.Table(t, first, w.Remove("a.b.ent."+zone, "x."+zone))
	names := []string{"a.b.ent", "b.ent", "ent", "c.ent", "x", "y.x"}
	assert.Equal(t, map[string]answers.Kind{
		"a.b.ent": answers.NXDomain,
		"b.ent":   answers.NXDomain,
		"ent":     answers.NoData, // c.ent keeps it
		"c.ent":   answers.Answer,
		"x":       answers.NoData, // y.x keeps it
		"y.x":     answers.Answer,
	}, kinds(second, names...))
	third := dnstest.Table(t, second, w.Remove("c.ent."+zone, "y.x."+zone))
	assert.Equal(t, 1, third.Len(), "the apex alone is left")
	assert.Equal(t, answers.Answer, lookup(first, "a.b.ent."+zone, dns.TypeA).Kind, "a Table is never changed")
	assert.Equal(t, 7, first.Len())
}
