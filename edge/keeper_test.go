// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestKeeperPublishesOursAndNothingElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		z.Set(zoneName, edge.TypeNS, foreignNS)
		z.Set(edgeName, edge.TypeTXT, `"v=spf1 -all"`)
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		assert.Equal(t, []string{euServer + ".", foreignNS}, z.Get(zoneName, edge.TypeNS))
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA))
		assert.Equal(t, []string{"2001:db8::1"}, z.Get(euServer, edge.TypeAAAA))
		assert.Equal(t, []string{`"v=spf1 -all"`}, z.Get(edgeName, edge.TypeTXT))
		h, ok := z.Beat(euBeat)
		require.True(t, ok)
		assert.Equal(t, gslb.GeoTag("eu"), h.Cluster)
		assert.Equal(t, "i1", h.Instance)
		assert.Equal(t, uint64(1), h.Counter)
		assert.Equal(t, time.Hour, h.Interval)
		assert.Empty(t, h.Missed)

		s := r.status()
		assert.True(t, s.OK)
		assert.Equal(t, edge.ReasonDelegated, s.Reason)
		assert.Equal(t, []gslb.NameServer{
			{Cluster: "eu", Name: gslb.MustName(euServer), Addrs: addrs("192.0.2.1", "2001:db8::1")},
			{Name: gslb.MustName("ns.elsewhere.example")},
		}, s.NameServers)
		select {
		case <-r.keeper.Changed():
		default:
			t.Error("nobody was told that the status changed")
		}
	})
}

func TestKeeperIsQuiet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		before := len(z.Updates())
		pass(59 * time.Minute)
		assert.Len(t, z.Updates(), before, "nothing changes: nothing is written")
		assert.Less(t, len(z.Lookups()), 300, "and a few questions a minute are asked")
		pass(5 * time.Hour)
		assert.Len(t, z.Updates(), before+5, "the heartbeat is rewritten hourly")
		h, _ := z.Beat(euBeat)
		assert.Equal(t, uint64(6), h.Counter)
		r.tell(nil)
		r.tell(func(w *gslb.World) { w.Zones[0].Serial++ })
		assert.Len(t, z.Updates(), before+5, "a World that asks for the same costs nothing")
	})
}

func TestKeeperWaitsUntilTheWorldIsReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(func(w *gslb.World) { w.Ready = false })
		pass(time.Minute)
		assert.Empty(t, z.Updates(), "nobody is led to a server that would say SERVFAIL")
		assert.Equal(t, edge.ReasonPending, r.status().Reason)
		r.tell(func(w *gslb.World) { w.Ready = true })
		assert.True(t, r.status().OK)
	})
}

func TestKeeperWritesNothingWhileK8gbDoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(func(w *gslb.World) { w.Local.Incumbent = true })
		pass(time.Minute)
		assert.Empty(t, z.Updates(), "nobody is led to a server that would say SERVFAIL")
		assert.Equal(t, edge.ReasonPending, r.status().Reason)
		r.tell(func(w *gslb.World) { w.Local.Incumbent = false })
		assert.True(t, r.status().OK)
	})
}

func TestKeeperWithoutAddressWritesNoDelegation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(func(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName) })
		assert.Empty(t, z.Get(zoneName, edge.TypeNS))
		assert.Equal(t, edge.ReasonAddressUnknown, r.status().Reason)
		_, ok := z.Beat(euBeat)
		assert.True(t, ok, "the heartbeat does not depend on the address")
		r.tell(func(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName, "192.0.2.7") })
		assert.True(t, r.status().OK)
		assert.Equal(t, []string{"192.0.2.7"}, z.Get(euServer, edge.TypeA))
	})
}

func TestKeeperTakesConfiguredAddresses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Addrs = addrs("192.0.2.9") })
		r.tell(func(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName) })
		assert.True(t, r.status().OK)
		assert.Equal(t, []string{"192.0.2.9"}, z.Get(euServer, edge.TypeA))
	})
}

func TestKeeperReplacesItsOldGlue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		z.Set(usServer, edge.TypeA, "198.51.100.1")
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		pass(time.Minute)
		r.tell(func(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName, "192.0.2.2", "2001:db8::1") })
		pass(2 * time.Second)
		assert.Equal(t, []string{"192.0.2.2"}, z.Get(euServer, edge.TypeA), "the old address is gone")
		assert.Equal(t, []string{"2001:db8::1"}, z.Get(euServer, edge.TypeAAAA))
		assert.Equal(t, []string{"198.51.100.1"}, z.Get(usServer, edge.TypeA), "the glue of others is not ours")
		h, _ := z.Beat(euBeat)
		assert.Equal(t, uint64(2), h.Counter, "a change of addresses is beaten at once")
	})
}

func TestKeeperRestoresWhatTheEdgeLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		z.Set(zoneName, edge.TypeNS)
		z.Set(euServer, edge.TypeAAAA)
		z.Set(euBeat, edge.TypeTXT)
		pass(11 * time.Minute)
		assert.Equal(t, []string{euServer + "."}, z.Get(zoneName, edge.TypeNS))
		assert.Equal(t, []string{"2001:db8::1"}, z.Get(euServer, edge.TypeAAAA))
		_, ok := z.Beat(euBeat)
		assert.True(t, ok)
		assert.True(t, r.status().OK)
	})
}

func TestKeeperShowsTroubleAndHealsItself(t *testing.T) {
	for _, c := range []struct {
		name    string
		trouble edgetest.Trouble
		reason  edge.Reason
		rcode   string
	}{
		{"down", edgetest.Trouble{Down: true}, edge.ReasonUnreachable, ""},
		{"too slow", edgetest.Trouble{Slow: time.Minute}, edge.ReasonUnreachable, ""},
		{"refuses", edgetest.Trouble{Refuse: "REFUSED"}, edge.ReasonRefused, "REFUSED"},
		{"wrong key", edgetest.Trouble{Refuse: "BADKEY"}, edge.ReasonRefused, "BADKEY"},
		{"ignores updates in silence", edgetest.Trouble{Ignore: true}, edge.ReasonIgnored, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				z := &edgetest.Zone{}
				z.Break(c.trouble)
				r, _ := start(t, z, "i1", "eu-id")
				r.tell(nil)
				pass(time.Hour)
				s := r.status()
				assert.False(t, s.OK)
				assert.Equal(t, c.reason, s.Reason)
				assert.Equal(t, c.rcode, s.RCODE)
				assert.NotEmpty(t, s.Message)
				if c.trouble.Ignore {
					assert.Contains(t, s.Message, "gslb-ns-eu-cloud.example.com. A 192.0.2.1 is missing")
				}
				assert.Less(t, len(z.Updates())+len(z.Lookups()), 1000, "retries become rare")
				z.Break(edgetest.Trouble{})
				pass(2 * time.Minute)
				assert.True(t, r.status().OK)
			})
		})
	}
}

func TestHeartbeatTroubleShowsInTheZone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		require.True(t, r.status().OK)
		pass(time.Minute)
		z.Break(edgetest.Trouble{Refuse: "REFUSED"})
		r.miss("us")
		s := r.status()
		assert.False(t, s.OK)
		assert.Equal(t, "REFUSED", s.RCODE)
		assert.Contains(t, s.Message, "heartbeat")
		z.Break(edgetest.Trouble{})
		pass(6 * time.Second)
		assert.True(t, r.status().OK)
	})
}

func TestAHangingEdgeDelaysNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		z.Break(edgetest.Trouble{Slow: time.Hour})
		r, _ := start(t, z, "i1", "eu-id")
		begin := time.Now()
		for range 100 {
			r.tell(func(w *gslb.World) { w.Zones[0].Serial++ })
		}
		assert.Zero(t, time.Since(begin), "Worlds are taken at once, whatever the edge does")
	})
}

func TestTwoZonesShareOneHeartbeat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(func(w *gslb.World) {
			w.Zones = append(w.Zones, intent("dev.example.com", edgeName, "192.0.2.1"))
		})
		beats := 0
		for _, u := range z.Updates() {
			if len(u.Change.Require) > 0 {
				beats++
			}
		}
		assert.Equal(t, 1, beats, "one heartbeat for each edge zone, however many zones lie below it")
		assert.Len(t, r.keeper.Status(), 2)
	})
}

func TestConflictOfTheWorldFreezesTheDelegation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		r.tell(func(w *gslb.World) {
			w.Clusters[0].Conflict = "geo tag eu is used by two clusters"
			w.Zones[0] = intent(zoneName, edgeName, "192.0.2.66")
		})
		assert.Equal(t, edge.ReasonGeoTagConflicted, r.status().Reason)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), "nothing anew, nothing away")
	})
}

func TestNoEdge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, _ := start(t, nil, "", "eu-id", func(c *edge.Config) { c.Publisher = nil })
		r.tell(nil)
		assert.Equal(t, edge.ReasonNoEdge, r.status().Reason)
		_, err := r.keeper.Discover(t.Context(), r.world.Zones[0])
		assert.ErrorContains(t, err, "--peers")
		assert.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(zoneName), gslb.MustName(edgeName)))
	})
}

func TestNewRefuses(t *testing.T) {
	store := &rig{}
	worlds := make(chan *gslb.World)
	for want, c := range map[string]edge.Config{
		"Worlds":   {Store: store},
		"Store":    {Worlds: worlds},
		"instance": {Worlds: worlds, Store: store, Publisher: &edgetest.Zone{}},
		"anchor":   {Worlds: worlds, Store: store, Anchors: []string{"one.one.one.one"}},
	} {
		_, err := edge.New(c)
		assert.ErrorContains(t, err, want)
	}
}

func TestDiscover(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		z.Set(zoneName, edge.TypeNS, usServer+".", foreignNS)
		z.Set(usServer, edge.TypeA, "198.51.100.1", "198.51.100.2")
		r, _ := start(t, z, "i1", "eu-id")
		got, err := r.keeper.Discover(t.Context(), r.world.Zones[0])
		require.NoError(t, err)
		assert.Equal(t, []gslb.NameServer{
			{Cluster: "us", Name: gslb.MustName(usServer), Addrs: addrs("198.51.100.1", "198.51.100.2")},
			{Name: gslb.MustName("ns.elsewhere.example")},
		}, got)
		z.Break(edgetest.Trouble{Down: true})
		_, err = r.keeper.Discover(t.Context(), r.world.Zones[0])
		assert.Error(t, err, "silence is not an empty delegation")
	})
}
