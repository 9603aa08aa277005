// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

func addrs(list ...string) []netip.Addr {
	out := make([]netip.Addr, len(list))
	for i, s := range list {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}

func intent(zone, parent string, list ...string) gslb.Zone {
	return gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName(zone), EdgeZone: gslb.MustName(parent), Addrs: addrs(list...)}}
}

func TestPlan(t *testing.T) {
	long := "a234567890123456789012345678901234567890.b2345678901234567890.example.com"
	for _, c := range []struct {
		name     string
		why      string
		zone     gslb.Zone
		conflict string
		server   string
		addrs    []netip.Addr
		reason   edge.Reason
	}{
		{"both families", "glue has A and AAAA", intent("cloud.example.com", "example.com", "192.0.2.1", "2001:db8::1"),
			"", "gslb-ns-eu-cloud.example.com", addrs("192.0.2.1", "2001:db8::1"), ""},
		{"doubles and disorder", "replicas must plan alike whatever the order of their input",
			intent("cloud.example.com", "example.com", "192.0.2.2", "192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1"),
			"", "gslb-ns-eu-cloud.example.com", addrs("192.0.2.1", "192.0.2.2"), ""},
		{"a zone two labels down", "dots become hyphens in the name", intent("a.b.example.com", "example.com", "192.0.2.1"),
			"", "gslb-ns-eu-a-b.example.com", addrs("192.0.2.1"), ""},
		{"no address yet", "an NS without glue would be a lame delegation", intent("cloud.example.com", "example.com"),
			"", "gslb-ns-eu-cloud.example.com", addrs(), edge.ReasonAddressUnknown},
		{"geo tag used twice", "neither of two clusters publishes anew", intent("cloud.example.com", "example.com", "192.0.2.1"),
			"used by two clusters", "gslb-ns-eu-cloud.example.com", addrs("192.0.2.1"), edge.ReasonGeoTagConflicted},
		{"too long", "the label has at most 63 octets", intent(long, "example.com", "192.0.2.1"),
			"", "", nil, edge.ReasonInvalidName},
		{"not below the edge zone", "its name server would lie nowhere", intent("cloud.example.org", "example.com", "192.0.2.1"),
			"", "", nil, edge.ReasonInvalidName},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &gslb.World{Self: "eu", Zones: []gslb.Zone{c.zone}, Clusters: []gslb.Cluster{{Tag: "eu", Liveness: gslb.Self, Conflict: c.conflict}}}
			got := edge.Plan(w)
			if !assert.Len(t, got, 1) {
				return
			}
			assert.Equal(t, c.reason, got[0].Reason, c.why)
			assert.Equal(t, c.server, got[0].NameServer.String(), c.why)
			assert.Equal(t, c.addrs, got[0].Addrs, c.why)
			assert.Equal(t, c.reason != "", got[0].Message != "", "a reason comes with words")
		})
	}
}

func TestClusterOf(t *testing.T) {
	zone, parent := gslb.MustName("a.b.example.com"), gslb.MustName("example.com")
	for in, want := range map[string]gslb.GeoTag{
		"gslb-ns-eu-a-b.example.com":        "eu",
		"gslb-ns-us-east-1-a-b.example.com": "us-east-1",
		"gslb-ns-eu-cloud.example.com":      "", // of another zone
		"gslb-ns-a-b.example.com":           "",
		"ns1.example.com":                   "",
		"gslb-ns-eu-a-b.example.org":        "",
	} {
		assert.Equal(t, want, edge.ClusterOf(gslb.MustName(in), zone, parent), in)
	}
}
