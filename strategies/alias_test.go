// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// named gives entries the name of a load balancer.
func named(name string, entries []gslb.Candidate) []gslb.Candidate {
	for i := range entries {
		entries[i].Hostname = name
	}
	return entries
}

// aliased says answers with their targets.
func aliased(d strategies.Decision) []string {
	out := said(d)
	for i, a := range d.Answers {
		if a.Target != "" {
			out[i] += " as " + a.Target
		}
	}
	return out
}

func TestNamesOfLoadBalancersAreAnsweredWhereAsked(t *testing.T) {
	robin := gslb.Policy{Strategy: gslb.RoundRobin, CNAME: true}
	order := gslb.Policy{Strategy: gslb.Failover, FailoverOrder: []gslb.GeoTag{"eu", "us"}, CNAME: true}
	weighed := gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights("eu", 1, "us", 3, "ap", 0), CNAME: true}
	for _, c := range []struct {
		why  string
		host *gslb.Host
		want []string
	}{
		{"one name", host(order, part("eu", named("eu.lb.example.net", healthy(eu4, eu6))), part("us", named("us.lb.example.net", healthy(us4)))),
			[]string{"eu: 192.0.2.1 2001:db8:e::1 as eu.lb.example.net"}},
		{"not healthy: the next, which has no name", host(order, part("eu", named("eu.lb.example.net", down(eu4))), part("us", healthy(us4))),
			[]string{"us: 198.51.100.1"}},
		{"two names are two answers, drawn equally", host(robin, part("eu", named("eu.lb.example.net", healthy(eu4, eu6))), part("us", named("us.lb.example.net", healthy(us4)))),
			[]string{"eu: 192.0.2.1 2001:db8:e::1 (1) as eu.lb.example.net", "us: 198.51.100.1 (1) as us.lb.example.net"}},
		{"addresses of two clusters beside a name stay together", host(robin, part("ap", healthy(ap4)), part("eu", named("eu.lb.example.net", healthy(eu4))), part("us", healthy(us4))),
			[]string{"ap us: 198.51.100.1 203.0.113.1 (2)", "eu: 192.0.2.1 (1) as eu.lb.example.net"}},
		{"weights stay", host(weighed, part("ap", named("ap.lb.example.net", healthy(ap4))), part("eu", named("eu.lb.example.net", healthy(eu4))), part("us", named("us.lb.example.net", healthy(us4)))),
			[]string{"ap: 203.0.113.1 as ap.lb.example.net", "eu: 192.0.2.1 (1) as eu.lb.example.net", "us: 198.51.100.1 (3) as us.lb.example.net"}},
		{"a cluster with a name and an address draws both, together its weight", host(weighed, part("eu", named("eu.lb.example.net", healthy(eu4)), healthy(sa4)), part("us", healthy(us4))),
			[]string{"eu: 203.0.113.129 (1)", "eu: 192.0.2.1 (1) as eu.lb.example.net", "us: 198.51.100.1 (6)"}},
	} {
		t.Run(c.why, func(t *testing.T) { assert.Equal(t, c.want, aliased(strategies.Decide(c.host))) })
	}
}

func TestNamesAreNotAnsweredWhereNobodyAsked(t *testing.T) {
	parts := func() []gslb.Part { return []gslb.Part{part("eu", named("eu.lb.example.net", healthy(eu4)))} }
	plain := host(gslb.Policy{Strategy: gslb.RoundRobin}, parts()...)
	assert.Empty(t, strategies.Decide(plain).Answers[0].Target)
	apex := host(gslb.Policy{Strategy: gslb.RoundRobin, CNAME: true}, parts()...)
	apex.Zone = apex.Name
	assert.Empty(t, strategies.Decide(apex).Answers[0].Target, "no CNAME can stand at the apex of a zone")
}

// TestANameAnswersBothFamilies: of a family that the load balancer does not have, too.
func TestANameAnswersBothFamilies(t *testing.T) {
	p := gslb.Policy{Strategy: gslb.RoundRobin, CNAME: true}
	d := strategies.Decide(host(p, part("eu", named("eu.lb.example.net", healthy(eu4))), part("us", healthy(us6))))
	six := d.Shares(false)
	require.Len(t, six, 2)
	assert.Equal(t, []netip.Addr{us6}, six[0].Addrs)
	assert.Equal(t, "eu.lb.example.net", six[1].Target)
	four := d.Shares(true)
	require.Len(t, four, 1, "us has no address of this family")
	assert.Equal(t, "eu.lb.example.net", four[0].Target)
}
