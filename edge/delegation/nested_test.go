// SPDX-License-Identifier: Apache-2.0

package delegation_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge/delegation"
	"github.com/meridian-gslb/meridian/gslb"
)

var innerZone = gslb.MustName("y.cloud.example.com")

const (
	innerEU = "gslb-ns-eu-y.cloud.example.com."
	innerUS = "gslb-ns-us-y.cloud.example.com."
)

// nested is a World with a zone that lies in the one of world.
func nested(w *gslb.World) {
	w.Zones = append(w.Zones, gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: innerZone, EdgeZone: cloud}, NameServers: []gslb.NameServer{
		{Cluster: "eu", Name: gslb.MustName("gslb-ns-eu-y.cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.1")}},
		{Cluster: "us", Name: gslb.MustName("gslb-ns-us-y.cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.2")}},
	}})
}

// forBoth answers for the outer zone as outer does, and for the inner one with authority.
func forBoth(outer reply) reply {
	rrs := records(
		"y.cloud.example.com. 30 SOA gslb-ns-eu-y.cloud.example.com. hostmaster.example.com. 7 1 1 1 30",
		"y.cloud.example.com. 300 NS "+innerEU, "y.cloud.example.com. 300 NS "+innerUS,
		innerEU+" 300 A 198.51.100.1", innerUS+" 300 A 198.51.100.2")
	return func(n string, q dns.Question) *dns.Msg {
		if !dns.IsSubDomain("y.cloud.example.com.", q.Name) && q.Name != innerEU && q.Name != innerUS {
			return outer(n, q)
		}
		m := new(dns.Msg)
		m.Authoritative = true
		m.Answer = of(rrs, q.Name, q.Qtype)
		return m
	}
}

// withoutInner answers for the outer zone alone.
func withoutInner(outer reply) reply {
	return func(n string, q dns.Question) *dns.Msg {
		if q.Name == "cloud.example.com." {
			return outer(n, q)
		}
		return &dns.Msg{MsgHdr: dns.MsgHdr{Authoritative: true, Rcode: dns.RcodeNameError}}
	}
}

func TestAZoneInAnotherZoneOfOursIsAskedFromTheEdgeDown(t *testing.T) {
	eu, us := nameServer("100", nsEU, nsUS), nameServer("90", nsEU, nsUS)
	edges := func(f reply) map[string]reply { return map[string]reply{hidden: f, edgeA: f, edgeB: f} }
	for _, tt := range []struct {
		why     string
		servers map[string]reply
		state   delegation.State
		reason  delegation.Reason
		says    string
	}{
		{"the servers of the outer zone answer for it", nil, delegation.Works, delegation.ReasonAnswering,
			"asked from the servers of cloud.example.com down, all 2 name servers answer"},
		{"one cluster has the outer zone alone", map[string]reply{euAt: withoutInner(eu)}, delegation.Broken, delegation.ReasonLame,
			"edge server at 198.51.100.1:53: asked for y.cloud.example.com. NS, it has none, and 198.51.100.2:53 has: its cluster serves cloud.example.com and not y.cloud.example.com"},
		{"none has the inner zone", map[string]reply{euAt: withoutInner(eu), usAt: withoutInner(us)}, delegation.Broken, delegation.ReasonNotDelegated,
			"asked for y.cloud.example.com. NS, it delegates the zone to nobody"},
		{"one cluster is dead", map[string]reply{usAt: nil}, delegation.Broken, delegation.ReasonNameServerSilent, "cluster us at 198.51.100.2:53"},
		{"the outer zone is not delegated", edges(whole()), delegation.Broken, delegation.ReasonNotDelegated,
			"example.com delegates cloud.example.com, in which the zone lies, to nobody"},
		{"the outer zone has no glue", edges(whole(delEU)), delegation.Unknown, delegation.ReasonEdgeUnreachable,
			"no name server of cloud.example.com, in which the zone lies, has an address"},
		{"no edge server answers", edges(nil), delegation.Unknown, delegation.ReasonEdgeUnreachable, "no server of the edge zone example.com can be asked"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := good()
				s.set(euAt, forBoth(eu))
				s.set(usAt, forBoth(us))
				for server, f := range tt.servers {
					s.set(server, f)
				}
				o := run(t, s)
				o.worlds <- world(nested)
				o.after(t, 3*time.Minute)
				got, ok := o.Of(innerZone)
				require.True(t, ok)
				assert.Equal(t, tt.state, got.State, got.Message)
				assert.Equal(t, tt.reason, got.Reason, got.Message)
				assert.Contains(t, got.Message, tt.says)
			})
		})
	}
}

func TestANestedZoneIsLookedAtAnewWhenItsOuterZoneGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := good()
		s.set(euAt, forBoth(nameServer("100", nsEU, nsUS)))
		s.set(usAt, forBoth(nameServer("90", nsEU, nsUS)))
		o := run(t, s)
		w := world(nested)
		o.worlds <- w
		o.after(t, time.Minute)
		got, _ := o.Of(innerZone)
		require.Equal(t, delegation.Works, got.State, got.Message)
		gone := *w
		gone.Zones = w.Zones[1:]
		before := s.questions(hidden)
		o.worlds <- &gone
		<-time.After(time.Minute)
		synctest.Wait()
		got, _ = o.Of(innerZone)
		assert.Greater(t, s.questions(hidden), before, "whoever has the outer zone is asked, and not we")
		assert.NotEqual(t, delegation.Works, got.State, got.Message)
	})
}
