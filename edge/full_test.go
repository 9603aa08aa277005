// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// ns is a name server of a cluster of cloud.example.com, or of a whole name.
func ns(name string, addrs ...string) gslb.NameServer {
	n := gslb.NameServer{Name: gslb.MustName("gslb-ns-" + name + "-cloud.example.com")}
	if tag, err := gslb.ParseGeoTag(name); err == nil {
		n.Cluster = tag
	} else {
		n.Name = gslb.MustName(name)
	}
	for _, a := range addrs {
		n.Addrs = append(n.Addrs, netip.MustParseAddr(a))
	}
	return n
}

func own(addrs ...string) edge.Delegation {
	d := edge.Delegation{Zone: gslb.MustName(zoneName), EdgeZone: gslb.MustName(edgeName), NameServer: gslb.MustName(euServer)}
	for _, a := range addrs {
		d.Addrs = append(d.Addrs, netip.MustParseAddr(a))
	}
	if len(addrs) == 0 {
		d.Reason, d.Message = edge.ReasonAddressUnknown, "not known"
	}
	return d
}

type servers []gslb.NameServer

func TestPlanFull(t *testing.T) {
	const eu, us, cz = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	for _, c := range []struct {
		why    string
		in     edge.FullInput
		want   servers
		reason edge.Reason
	}{
		{"one cluster, an edge zone without the delegation", edge.FullInput{Own: own(eu), Read: true}, servers{ns("eu", eu)}, ""},
		{"every cluster that reports", edge.FullInput{Own: own(eu, "2001:db8::1"), Read: true, Reported: servers{ns("eu", eu), ns("us", us), ns("cz", cz)}},
			servers{ns("cz", cz), ns("eu", eu, "2001:db8::1"), ns("us", us)}, ""},
		{"no object and an edge zone that nobody read: nothing, for it could take others out", edge.FullInput{Own: own(eu)}, nil, edge.ReasonUnreachable},
		{"no object yet: who is served stays, though nobody was heard", edge.FullInput{Own: own(eu), Read: true, Served: servers{ns("us", us)}}, servers{ns("eu", eu), ns("us", us)}, ""},
		{"a restart: who is written stays, though nobody was heard and the edge cannot be read",
			edge.FullInput{Own: own(eu), Exists: true, Written: servers{ns("eu", eu), ns("us", us)}}, servers{ns("eu", eu), ns("us", us)}, ""},
		{"a cluster joined while we were away: it is served, and joins our set",
			edge.FullInput{Own: own(eu), Exists: true, Read: true, Written: servers{ns("eu", eu), ns("us", us)}, Served: servers{ns("cz", cz), ns("eu", eu), ns("us", us)}},
			servers{ns("cz", cz), ns("eu", eu), ns("us", us)}, ""},
		{"a lost cluster is reported as it was last: it stays",
			edge.FullInput{Own: own(eu), Exists: true, Read: true, Reported: servers{ns("us", us)}, Written: servers{ns("eu", eu)}}, servers{ns("eu", eu), ns("us", us)}, ""},
		{"a lost cluster that moved follows its own writing, which is served: two clusters that cannot hear each other do not undo each other's work", edge.FullInput{Own: own(eu),
			Exists: true, Read: true, Lost: []gslb.GeoTag{"us"}, Reported: servers{ns("us", us)}, Written: servers{ns("us", us)}, Served: servers{ns("us", "192.0.2.22")}}, servers{ns("eu", eu), ns("us", "192.0.2.22")}, ""},
		{"a lost cluster whose addresses are not served stays as it was reported last", edge.FullInput{Own: own(eu),
			Exists: true, Read: true, Lost: []gslb.GeoTag{"us"}, Reported: servers{ns("us", us)}, Written: servers{ns("us", "192.0.2.33")}, Served: servers{ns("us")}}, servers{ns("eu", eu), ns("us", us)}, ""},
		{"a cluster that left goes, wherever it stands",
			edge.FullInput{Own: own(eu), Exists: true, Read: true, Left: []gslb.GeoTag{"us"}, Written: servers{ns("eu", eu), ns("us", us)}, Served: servers{ns("us", us)}}, servers{ns("eu", eu)}, ""},
		{"by hand a cluster goes although it reports",
			edge.FullInput{Own: own(eu), Exists: true, Read: true, Without: []gslb.GeoTag{"us"}, Reported: servers{ns("us", us)}, Served: servers{ns("us", us)}}, servers{ns("eu", eu)}, ""},
		{"nobody takes itself out by hand", edge.FullInput{Own: own(eu), Exists: true, Without: []gslb.GeoTag{"eu"}}, servers{ns("eu", eu)}, ""},
		{"a report wins over what is written and served", edge.FullInput{Own: own(eu), Exists: true, Read: true,
			Reported: servers{ns("us", "192.0.2.22")}, Written: servers{ns("us", us)}, Served: servers{ns("us", us)}}, servers{ns("eu", eu), ns("us", "192.0.2.22")}, ""},
		{"a cluster that was never heard follows its own writing, which is served", edge.FullInput{Own: own(eu), Exists: true, Read: true,
			Written: servers{ns("us", us)}, Served: servers{ns("us", "192.0.2.22")}}, servers{ns("eu", eu), ns("us", "192.0.2.22")}, ""},
		{"a report without addresses leaves those that are there", edge.FullInput{Own: own(eu), Exists: true, Reported: servers{ns("us")}, Written: servers{ns("us", us)}}, servers{ns("eu", eu), ns("us", us)}, ""},
		{"a name server without any address would be lame", edge.FullInput{Own: own(eu), Exists: true, Reported: servers{ns("us")}}, servers{ns("eu", eu)}, ""},
		{"name servers of no cluster are not ours to write", edge.FullInput{Own: own(eu), Exists: true, Read: true,
			Served: servers{ns("ns.elsewhere.example"), ns("ns1.example.com", us)}, Reported: servers{ns("gslb-ns-us-other.example.com", us)}}, servers{ns("eu", eu)}, ""},
		{"our addresses are not known yet: nothing", edge.FullInput{Own: own(), Read: true, Served: servers{ns("us", us)}}, nil, edge.ReasonAddressUnknown},
		{"our addresses are not known since the restart: as written", edge.FullInput{Own: own(), Exists: true, Written: servers{ns("eu", eu), ns("us", us)}}, servers{ns("eu", eu), ns("us", us)}, ""},
		{"our old addresses go", edge.FullInput{Own: own(eu), Exists: true, Read: true, Written: servers{ns("eu", "192.0.2.9")}, Served: servers{ns("eu", "192.0.2.9")}}, servers{ns("eu", eu)}, ""},
		{"a geo tag that is used twice: nothing", edge.FullInput{Own: edge.Delegation{Reason: edge.ReasonGeoTagConflicted, Message: "twice"}, Exists: true, Read: true}, nil, edge.ReasonGeoTagConflicted},
	} {
		got := edge.PlanFull(c.in)
		assert.Equal(t, c.want, servers(got.NameServers), c.why)
		assert.Equal(t, c.reason, got.Reason, c.why)
		assert.Equal(t, c.reason == "", got.Message == "", "a reason has words: %s", c.why)
	}
}

// TestPlanFullIsTheSameInEveryCluster: two clusters that hear each other write one set,
// whatever each had written before.
func TestPlanFullIsTheSameInEveryCluster(t *testing.T) {
	all := servers{ns("cz", "192.0.2.3"), ns("eu", "192.0.2.1"), ns("us", "192.0.2.2", "2001:db8::2")}
	for _, written := range []servers{nil, all[:1], all[1:], all} {
		for i, me := range all {
			in := edge.FullInput{Reported: all, Exists: true, Read: true, Written: written, Served: all[i:]}
			in.Own = edge.Delegation{Zone: gslb.MustName(zoneName), EdgeZone: gslb.MustName(edgeName), NameServer: me.Name, Addrs: me.Addrs}
			assert.Equal(t, all, servers(edge.PlanFull(in).NameServers), me.Cluster)
		}
	}
}

func TestPlanFullIsBounded(t *testing.T) {
	var many servers
	for i := range 500 {
		many = append(many, ns("c"+string(rune('a'+i%26))+string(rune('a'+i/26)), "192.0.2.7"))
	}
	got := edge.PlanFull(edge.FullInput{Own: own("192.0.2.1"), Read: true, Served: many})
	assert.Len(t, got.NameServers, 64)
	assert.Contains(t, servers(got.NameServers), ns("eu", "192.0.2.1"), "ours is among them")
}
