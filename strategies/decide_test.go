// SPDX-License-Identifier: Apache-2.0

package strategies_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// decided is one case: a host, and what must come of it.
type decided struct {
	name   string
	host   *gslb.Host
	want   []string
	reason gslb.Reason
	why    string
}

func check(t *testing.T, cases []decided) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := strategies.Decide(c.host)
			assert.Equal(t, c.want, said(d), c.why)
			assert.Equal(t, c.reason, d.Reason, c.why)
		})
	}
}

func TestWhichClustersCanServe(t *testing.T) {
	p := gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30}
	check(t, []decided{
		{"all healthy", host(p, part("eu", healthy(eu4)), part("us", healthy(us4))),
			[]string{"eu us: 192.0.2.1 198.51.100.1"}, gslb.ReasonAllHealthy, "both serve"},
		{"one healthy, one unknown", host(p, part("eu", healthy(eu4)), part("us", unknown(us4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonAllHealthy, "unknown waits while somebody is known to serve"},
		{"one healthy, one lost", host(p, part("eu", healthy(eu4)), part("us", lost(us4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonAllHealthy, "lost is the last resort"},
		{"one unknown, one lost, one down", host(p, part("ap", down(ap4)), part("eu", unknown(eu4)), part("us", lost(us4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonUnknownHealth, "unknown is not unhealthy, and better than lost"},
		{"one lost, one down", host(p, part("eu", down(eu4)), part("us", lost(us4))),
			[]string{"us: 198.51.100.1"}, gslb.ReasonLastResort, "a peer's last offer comes before anything empty"},
		{"all down", host(p, part("eu", down(eu4)), part("us", down(us4))),
			[]string{":"}, gslb.ReasonEmpty, "NODATA by default"},
		{"no entries at all", host(p, part("eu"), part("us")), []string{":"}, gslb.ReasonEmpty, "nothing to answer"},
		{"nobody offers", host(p), []string{":"}, gslb.ReasonEmpty, "nothing to answer"},
		{"one entry of two is down", host(p, part("eu", healthy(eu4), down(eu6))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonAllHealthy, "health is per entry and family"},
		{"a shared address", host(p, part("eu", healthy(eu4)), part("us", healthy(eu4, us4))),
			[]string{"eu us: 192.0.2.1 198.51.100.1"}, gslb.ReasonAllHealthy, "answered once"},
		{"a shared address that only one calls down", host(p, part("eu", down(eu4)), part("us", healthy(eu4))),
			[]string{"eu us: 192.0.2.1"}, gslb.ReasonAllHealthy, "withdrawn only when all its owners say so"},
		{"a shared address that all call down", host(p, part("ap", healthy(ap4)), part("eu", down(eu4)), part("us", down(eu4))),
			[]string{"ap: 203.0.113.1"}, gslb.ReasonAllHealthy, "withdrawn: all its owners say so"},
		{"a shared address whose healthy owner is lost", host(p, part("eu", down(eu4)), part("us", lost(eu4))),
			[]string{"eu us: 192.0.2.1"}, gslb.ReasonLastResort, "the last resort, of either"},
		{"an owner that left owns nothing", host(p, part("eu", rated(gslb.TierOut, gslb.ReasonClusterLeft, []netip.Addr{eu4})), part("us", healthy(eu4))),
			[]string{"us: 192.0.2.1"}, gslb.ReasonAllHealthy, "the address stays, the cluster is gone"},
	})
}

func TestFailover(t *testing.T) {
	primary := gslb.Policy{Strategy: gslb.Failover, Primary: "eu"}
	order := gslb.Policy{Strategy: gslb.Failover, FailoverOrder: []gslb.GeoTag{"eu", "us"}}
	check(t, []decided{
		{"primary serves", host(primary, part("eu", healthy(eu4)), part("us", healthy(us4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonPrimary, "alone"},
		{"primary down behind an address that another serves", host(primary, part("ap", healthy(ap4)), part("eu", down(eu4)), part("us", healthy(eu4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonPrimary, "a global load balancer sends its clients on by itself"},
		{"primary down", host(primary, part("ap", healthy(ap4)), part("eu", down(eu4)), part("us", healthy(us4))),
			[]string{"ap us: 198.51.100.1 203.0.113.1"}, gslb.ReasonPrimaryDown, "all others together"},
		{"primary unknown, another healthy", host(primary, part("eu", unknown(eu4)), part("us", healthy(us4))),
			[]string{"us: 198.51.100.1"}, gslb.ReasonPrimaryDown, "healthy comes before unknown, primary or not"},
		{"all unknown", host(primary, part("eu", unknown(eu4)), part("us", unknown(us4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonUnknownHealth, "among equals the primary"},
		{"all lost", host(primary, part("eu", lost(eu4)), part("us", lost(us4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonLastResort, "among equals the primary"},
		{"primary offers nothing", host(primary, part("us", healthy(us4))),
			[]string{"us: 198.51.100.1"}, gslb.ReasonPrimaryDown, "as if it were down"},
		{"primary lacks a family", host(primary, part("eu", healthy(eu4)), part("us", healthy(us4, us6))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonPrimary, "clusters are chosen once for all families: NODATA for AAAA"},
		{"first of the list", host(order, part("ap", healthy(ap4)), part("eu", healthy(eu4)), part("us", healthy(us4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonInOrder, "first that can serve"},
		{"second of the list", host(order, part("ap", healthy(ap4)), part("eu", down(eu4)), part("us", healthy(us4))),
			[]string{"us: 198.51.100.1"}, gslb.ReasonInOrder, "first that can serve"},
		{"none of the list", host(order, part("ap", healthy(ap4)), part("eu", down(eu4)), part("sa", healthy(sa4)), part("us", down(us4))),
			[]string{"ap sa: 203.0.113.1 203.0.113.129"}, gslb.ReasonUnlisted, "not listed: last, and together"},
		{"order beats primary", host(gslb.Policy{Strategy: gslb.Failover, Primary: "eu", FailoverOrder: []gslb.GeoTag{"us", "eu"}},
			part("eu", healthy(eu4)), part("us", healthy(us4))), []string{"us: 198.51.100.1"}, gslb.ReasonInOrder, "failoverOrder if given"},
		{"tags that nobody has", host(gslb.Policy{Strategy: gslb.Failover, FailoverOrder: []gslb.GeoTag{"xx", "us"}},
			part("eu", healthy(eu4)), part("us", healthy(us4))), []string{"us: 198.51.100.1"}, gslb.ReasonInOrder, "passed over; the World shows them"},
	})
}

func TestWeighted(t *testing.T) {
	p := func(pairs ...any) gslb.Policy {
		return gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights(pairs...)}
	}
	both := []gslb.Part{part("eu", healthy(eu4)), part("us", healthy(us4))}
	check(t, []decided{
		{"1:3", host(p("eu", 1, "us", 3), both...), []string{"eu: 192.0.2.1 (1)", "us: 198.51.100.1 (3)"}, gslb.ReasonWeighted, "one answer for each cluster"},
		{"a cluster without a weight", host(p("us", 3), both...), []string{"eu: 192.0.2.1", "us: 198.51.100.1 (3)"}, gslb.ReasonWeighted, "it has 0"},
		{"round robin with weights", host(gslb.Policy{Strategy: gslb.RoundRobin, Weights: weights("eu", 1, "us", 1)}, both...),
			[]string{"eu: 192.0.2.1 (1)", "us: 198.51.100.1 (1)"}, gslb.ReasonWeighted, "either name"},
		{"failover with weights", host(gslb.Policy{Strategy: gslb.Failover, Primary: "eu", Weights: weights("us", 9)}, both...),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonPrimary, "weights go with round robin only"},
		{"weighted and down", host(p("eu", 1, "us", 3), part("eu", healthy(eu4)), part("us", down(us4))),
			[]string{"eu: 192.0.2.1 (1)"}, gslb.ReasonWeighted, "among those that can serve"},
		{"weighted and lost", host(p("eu", 1, "us", 3), part("eu", lost(eu4)), part("us", lost(us4))),
			[]string{"eu: 192.0.2.1 (1)", "us: 198.51.100.1 (3)"}, gslb.ReasonLastResort, "the weights hold in every tier"},
	})
}

func TestGeoIPIsRoundRobinUntilItIsBuilt(t *testing.T) {
	p := gslb.Policy{Strategy: gslb.GeoIP}
	check(t, []decided{
		{"healthy", host(p, part("eu", healthy(eu4)), part("us", healthy(us4))),
			[]string{"eu us: 192.0.2.1 198.51.100.1"}, gslb.ReasonStrategyPending, "it says so"},
		{"unknown", host(p, part("eu", unknown(eu4))), []string{"eu: 192.0.2.1"}, gslb.ReasonUnknownHealth, "the stronger reason"},
		{"down", host(p, part("eu", down(eu4))), []string{":"}, gslb.ReasonEmpty, "the stronger reason"},
	})
	d := strategies.Decide(host(p, part("eu", unknown(eu4))))
	assert.True(t, d.Pending, "told apart from the reason")
}

func TestWhenAllUnhealthy(t *testing.T) {
	spare := []netip.Addr{netip.MustParseAddr("203.0.113.201"), netip.MustParseAddr("203.0.113.200")}
	dead := func(w gslb.WhenAllUnhealthy, last ...netip.Addr) *gslb.Host {
		h := host(gslb.Policy{Strategy: gslb.RoundRobin, WhenAllUnhealthy: w}, part("eu", down(eu4)), part("us", down(us4, us6)))
		h.LastHealthy = last
		return h
	}
	fallback := dead(gslb.Fallback)
	fallback.Policy.Fallback = spare
	check(t, []decided{
		{"unset", dead(""), []string{":"}, gslb.ReasonEmpty, "empty is the default"},
		{"empty", dead(gslb.Empty, eu4), []string{":"}, gslb.ReasonEmpty, "NODATA"},
		{"last healthy", dead(gslb.LastHealthy, us4, us6), []string{"us: 198.51.100.1 2001:db8:f::1"}, gslb.ReasonLastHealthy, "of those that still offer it"},
		{"last healthy, no longer offered", dead(gslb.LastHealthy, ap4), []string{": 203.0.113.1"}, gslb.ReasonLastHealthy, "better than nothing, though nobody's"},
		{"never healthy", dead(gslb.LastHealthy), []string{":"}, gslb.ReasonEmpty, "there is none to fall back to"},
		{"all", dead(gslb.AllOffered), []string{"eu us: 192.0.2.1 198.51.100.1 2001:db8:f::1"}, gslb.ReasonAllOffered, "every offered address"},
		{"all, and none offered", host(gslb.Policy{WhenAllUnhealthy: gslb.AllOffered}, part("eu")), []string{":"}, gslb.ReasonEmpty, "nothing to answer"},
		{"fallback", fallback, []string{": 203.0.113.200 203.0.113.201"}, gslb.ReasonFallback, "sorted, of no cluster"},
		{"fallback without addresses", dead(gslb.Fallback), []string{":"}, gslb.ReasonEmpty, "the schema refuses it; nothing breaks"},
		{"lost clusters before fallback", host(gslb.Policy{WhenAllUnhealthy: gslb.Fallback, Fallback: spare}, part("eu", lost(eu4))),
			[]string{"eu: 192.0.2.1"}, gslb.ReasonLastResort, "whenAllUnhealthy comes last of all"},
	})
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("203.0.113.201"), netip.MustParseAddr("203.0.113.200")}, spare, "a published policy is never changed")
}

func TestEveryEntryIsExplained(t *testing.T) {
	type reason struct {
		in  bool
		why gslb.Reason
	}
	cases := []struct {
		name string
		host *gslb.Host
		want map[string]reason // "eu 192.0.2.1"
	}{
		{"failover", host(gslb.Policy{Strategy: gslb.Failover, Primary: "eu"},
			part("ap", lost(ap4)), part("eu", healthy(eu4), unknown(eu6)), part("sa", down(sa4)), part("us", healthy(us4))),
			map[string]reason{
				"eu 192.0.2.1":     {true, gslb.ReasonReady},
				"eu 2001:db8:e::1": {false, gslb.ReasonLowerTier},
				"us 198.51.100.1":  {false, gslb.ReasonNotChosen},
				"ap 203.0.113.1":   {false, gslb.ReasonClusterLost},
				"sa 203.0.113.129": {false, gslb.ReasonNotReady},
			}},
		{"weights", host(gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights("eu", 1)},
			part("eu", healthy(eu4)), part("us", healthy(us4))),
			map[string]reason{"eu 192.0.2.1": {true, gslb.ReasonReady}, "us 198.51.100.1": {false, gslb.ReasonWeightZero}}},
		{"weight 0 is drawn for a family that nobody else has", host(gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights("eu", 1)},
			part("eu", healthy(eu4)), part("us", healthy(us4, us6))),
			map[string]reason{
				"eu 192.0.2.1":     {true, gslb.ReasonReady},
				"us 198.51.100.1":  {false, gslb.ReasonWeightZero},
				"us 2001:db8:f::1": {true, gslb.ReasonReady},
			}},
		{"weights all 0", host(gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights("eu", 0, "us", 0)},
			part("eu", healthy(eu4)), part("us", healthy(us4))),
			map[string]reason{"eu 192.0.2.1": {true, gslb.ReasonReady}, "us 198.51.100.1": {true, gslb.ReasonReady}}},
		{"all offered though down", host(gslb.Policy{WhenAllUnhealthy: gslb.AllOffered}, part("eu", down(eu4))),
			map[string]reason{"eu 192.0.2.1": {true, gslb.ReasonNotReady}}},
		{"fallback", host(gslb.Policy{WhenAllUnhealthy: gslb.Fallback, Fallback: []netip.Addr{ap4}}, part("eu", down(eu4))),
			map[string]reason{"eu 192.0.2.1": {false, gslb.ReasonNotReady}}},
		{"last resort", host(gslb.Policy{Strategy: gslb.RoundRobin}, part("eu", down(eu4)), part("us", lost(us4))),
			map[string]reason{"eu 192.0.2.1": {false, gslb.ReasonNotReady}, "us 198.51.100.1": {true, gslb.ReasonClusterLost}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := make(map[string]reason)
			for _, e := range strategies.Decide(c.host).Entries {
				got[string(e.Cluster)+" "+e.Addr.String()] = reason{e.In, e.Reason}
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestSharesOfAFamily(t *testing.T) {
	p := gslb.Policy{Strategy: gslb.WeightedRoundRobin, Weights: weights("ap", 0, "eu", 1, "us", 3), TTL: 17, MaxAnswers: 2}
	d := strategies.Decide(host(p, part("ap", healthy(ap4)), part("eu", healthy(eu4, eu6)), part("us", healthy(us4))))
	assert.Equal(t, []strategies.Share{{Answer: 1, Addrs: []netip.Addr{eu4}, Weight: 1}, {Answer: 2, Addrs: []netip.Addr{us4}, Weight: 3}},
		d.Shares(true), "weight 0 is left out while another is there")
	assert.Equal(t, []strategies.Share{{Answer: 1, Addrs: []netip.Addr{eu6}, Weight: 1}}, d.Shares(false), "draws skip clusters without the family")
	assert.Equal(t, []netip.Addr{eu4, us4, ap4, eu6}, d.Addrs(), "sorted, both families, weight 0 too")
	assert.Equal(t, uint32(17), d.TTL)
	assert.Equal(t, uint16(2), d.Max)

	d = strategies.Decide(host(p, part("ap", healthy(ap4))))
	assert.Equal(t, []strategies.Share{{Answer: 0, Addrs: []netip.Addr{ap4}, Weight: 1}}, d.Shares(true), "nothing else is left")
	assert.Nil(t, d.Shares(false), "NODATA")
	d = strategies.Decide(host(gslb.Policy{}, part("eu", down(eu4))))
	assert.Nil(t, d.Shares(true))
	assert.Nil(t, d.Shares(false))
}
