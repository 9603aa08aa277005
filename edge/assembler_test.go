// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestObjectIsWrittenCarriedAndReadBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(reports(ns("us", "192.0.2.2")))
		assert.Equal(t, []gslb.GeoTag{"eu", "us"}, s.clusters())
		assert.Equal(t, edge.ReasonObjectPending, r.status().Reason)
		assert.Contains(t, r.status().Message, "ExternalDNS has not read it yet")
		s.carry()
		pass(5 * time.Second)
		st := r.status()
		assert.True(t, st.OK)
		assert.Equal(t, edge.ReasonDelegated, st.Reason)
		assert.Equal(t, edgetest.Server, st.Server)
		assert.Len(t, st.NameServers, 2)

		lookups := len(s.zone.Lookups())
		pass(time.Hour)
		assert.Equal(t, 1, s.writes, "a quiet system writes nothing")
		assert.Empty(t, s.zone.Updates(), "the edge zone is not ours to write")
		assert.Less(t, len(s.zone.Lookups())-lookups, 70*6, "and it is read once a minute")
	})
}

func TestObjectIsNotWrittenBeforeTheEdgeWasRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		s.zone.Set(zoneName, edge.TypeNS, usServer+".")
		s.zone.Set(usServer, edge.TypeA, "192.0.2.2")
		s.zone.Break(edgetest.Trouble{Refuse: "SERVFAIL"})
		r := startShelf(t, s)
		r.tell(nil)
		pass(10 * time.Minute)
		assert.Zero(t, s.writes, "a set without us would take it out")
		assert.Equal(t, "SERVFAIL", r.status().RCODE)
		assert.Contains(t, r.status().Message, "nothing is written before the edge zone was read once")
		s.zone.Break(edgetest.Trouble{})
		pass(2 * time.Minute)
		assert.Equal(t, []gslb.GeoTag{"eu", "us"}, s.clusters(), "us was never heard, and stays")
	})
}

func TestObjectIsKeptWhileTheEdgeIsAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(reports(ns("us", "192.0.2.2")))
		s.carry()
		pass(5 * time.Second)
		s.zone.Break(edgetest.Trouble{Down: true})
		r.tell(reports(ns("us", "192.0.2.2"), ns("cz", "192.0.2.3")))
		assert.Equal(t, []gslb.GeoTag{"cz", "eu", "us"}, s.clusters(), "what is reported is written")
		assert.Equal(t, edge.ReasonUnreachable, r.status().Reason)
		assert.Contains(t, r.status().Message, "DNSEndpoint meridian/x is written")
		r.tell(reports())
		pass(time.Hour)
		assert.Equal(t, []gslb.GeoTag{"cz", "eu", "us"}, s.clusters(), "and nobody goes by silence")
	})
}

func TestDriftIsShownAfterAWhileAndThenAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(nil)
		s.set(func() { s.obj.Observed = true }) // ExternalDNS reads, and its provider refuses
		pass(time.Minute)
		assert.Equal(t, edge.ReasonObjectPending, r.status().Reason, "providers take their time")
		pass(3 * time.Minute)
		assert.Equal(t, edge.ReasonDrifted, r.status().Reason)
		assert.Contains(t, r.status().Message, "cloud.example.com. NS gslb-ns-eu-cloud.example.com. is missing")
		s.carry()
		pass(2 * time.Minute)
		require.True(t, r.status().OK)
		s.zone.Set(euServer, edge.TypeA, "192.0.2.66")
		s.zone.Set(zoneName, edge.TypeNS, euServer+".", foreignNS)
		pass(2 * time.Minute)
		assert.Equal(t, edge.ReasonDrifted, r.status().Reason, "what was right and is wrong was changed by somebody")
		for _, want := range []string{"A 192.0.2.1 is missing", "A 192.0.2.66 is still there", "NS ns.elsewhere.example. is not ours to be there"} {
			assert.Contains(t, r.status().Message, want)
		}
	})
}

func TestObjectsThatCannotBe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		s.err = &edge.Error{Reason: edge.ReasonNoObjects, Message: "the kind is not there", Err: edge.ErrNotInstalled}
		r := startShelf(t, s)
		r.tell(nil)
		assert.Equal(t, edge.ReasonNoObjects, r.status().Reason)
		s.set(func() {
			s.err, s.refusal = nil, &edge.Error{Reason: edge.ReasonNoObjects, Message: "may not be written"}
		})
		pass(0)
		assert.Contains(t, r.status().Message, "may not be written", "it goes on when the kind appears")
		s.set(func() { s.refusal = nil })
		pass(0)
		assert.Equal(t, 1, s.writes)
		s.set(func() { s.follows = true })
		r.tell(reports(ns("us", "192.0.2.2")))
		assert.Equal(t, 1, s.writes, "only who leads writes")
		assert.Contains(t, r.status().Message, "the instance of this cluster that leads writes")
		s.set(func() { s.follows = false })
		pass(0)
		assert.Equal(t, []gslb.GeoTag{"eu", "us"}, s.clusters(), "a new leader writes at once")
	})
}

func TestLeftClustersGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(reports(ns("us", "192.0.2.2")))
		s.carry()
		for _, l := range []gslb.Liveness{gslb.Doubtful, gslb.Vouched, gslb.Lost, gslb.Unheard} {
			r.tell(func(w *gslb.World) { w.Clusters[1].Liveness = l })
			assert.Equal(t, []gslb.GeoTag{"eu", "us"}, s.clusters(), l)
		}
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].NameServers = gslb.Left, nil })
		assert.Equal(t, []gslb.GeoTag{"eu"}, s.clusters())
		s.carry()
		pass(time.Minute)
		assert.True(t, r.status().OK)
		assert.Equal(t, []string{euServer + "."}, s.zone.Get(zoneName, edge.TypeNS))
	})
}

// TestLostClusterThatMovesIsNotHeldBack: the link between two clusters is cut for good,
// and the other one gets a new address. Its ExternalDNS and ours write the same sets.
func TestLostClusterThatMovesIsNotHeldBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(reports(ns("us", "192.0.2.2")))
		s.carry()
		pass(time.Minute)
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness = gslb.Lost })
		pass(2 * time.Minute)
		assert.Equal(t, 1, s.writes, "silence changes nothing")

		s.zone.Set(usServer, edge.TypeA, "192.0.2.22")
		pass(2 * time.Minute)
		s.carry()
		pass(time.Hour)
		assert.Equal(t, 2, s.writes)
		assert.Equal(t, []string{"192.0.2.22"}, s.zone.Get(usServer, edge.TypeA), "what us wrote stays")
		assert.True(t, r.status().OK)

		r.tell(func(w *gslb.World) {
			w.Clusters[1].Liveness = gslb.Fresh
			w.Zones[0].NameServers = []gslb.NameServer{ns("us", "192.0.2.23")}
		})
		s.carry()
		assert.Equal(t, []string{"192.0.2.23"}, s.zone.Get(usServer, edge.TypeA), "heard again, it is believed")
	})
}

func TestZoneIsWithdrawn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		remove := func() error { return r.keeper.Remove(t.Context(), gslb.MustName(zoneName), gslb.MustName(edgeName)) }
		r.tell(reports(ns("us", "192.0.2.2")))
		s.carry()
		assert.ErrorContains(t, remove(), "it goes when ExternalDNS has read that")
		assert.Equal(t, []gslb.GeoTag{"us"}, s.clusters())
		assert.Empty(t, r.keeper.Status(), "nobody puts it back")
		assert.ErrorContains(t, remove(), "it goes when ExternalDNS has read that")
		assert.Zero(t, s.deletes)
		s.carry()
		assert.NoError(t, remove())
		assert.Equal(t, 1, s.deletes)
		assert.Equal(t, []string{usServer + "."}, s.zone.Get(zoneName, edge.TypeNS), "the others' part stays")
		assert.NoError(t, remove(), "what is gone is gone")
	})
}

func TestAZoneIsWithdrawnWithoutWaitingForWhoLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(reports(ns("us", "192.0.2.2")))
		s.carry()
		s.set(func() { s.err = errors.New("the API is away") })
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].NameServers = gslb.Left, nil })
		s.set(func() { s.err = nil })
		require.Equal(t, []gslb.GeoTag{"eu", "us"}, s.clusters(), "the goodbye of us could not be written")
		assert.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(zoneName), gslb.MustName(edgeName)), "nobody else is there")
		assert.Equal(t, 1, s.deletes)
	})
}

func TestZoneOfOneClusterIsWithdrawnAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(nil)
		assert.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(zoneName), gslb.MustName(edgeName)))
		assert.Equal(t, 1, s.deletes)
		s.set(func() { s.err = edge.ErrNotInstalled })
		assert.NoError(t, r.keeper.Remove(t.Context(), gslb.MustName(zoneName), gslb.MustName(edgeName)), "without the kind nothing is there")
		s.set(func() { s.err = errors.New("no") })
		assert.Error(t, r.keeper.Remove(t.Context(), gslb.MustName(zoneName), gslb.MustName(edgeName)))
	})
}

func TestPeersAreFoundByTheReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		s.zone.Set(zoneName, edge.TypeNS, usServer+".")
		s.zone.Set(usServer, edge.TypeA, "192.0.2.2")
		r := startShelf(t, s)
		found, err := r.keeper.Discover(t.Context(), intent(zoneName, edgeName, "192.0.2.1"))
		require.NoError(t, err)
		assert.Equal(t, []gslb.NameServer{ns("us", "192.0.2.2")}, found)
		assert.NotEmpty(t, r.seen(gslb.OutsideSeen), "an answer of the edge shows that we are not cut off")
	})
}

func TestObjectsAndReaderGoTogether(t *testing.T) {
	s := newShelf(&edgetest.Zone{})
	worlds := make(chan *gslb.World)
	for _, c := range []edge.Config{
		{Objects: s}, {Reader: s.zone}, {Objects: s, Reader: s.zone, Publisher: s.zone, Instance: "one"},
	} {
		c.Worlds, c.Store = worlds, &rig{}
		_, err := edge.New(c)
		assert.ErrorContains(t, err, "Objects and a Reader together")
	}
}

func TestEdgeThatIsOnlyReadShowsThatWeAreNotCutOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newShelf(&edgetest.Zone{})
		r := startShelf(t, s)
		r.tell(nil)
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness = gslb.Doubtful })
		for range 5 {
			r.forget()
			pass(2 * time.Second)
			assert.NotEmpty(t, r.seen(gslb.OutsideSeen), "while nobody is heard, the edge is asked every second")
		}
		s.zone.Break(edgetest.Trouble{Down: true})
		pass(2 * time.Second)
		r.forget()
		pass(time.Minute)
		assert.Empty(t, r.seen(gslb.OutsideSeen))
		s.zone.Break(edgetest.Trouble{Refuse: "REFUSED"})
		pass(2 * time.Second)
		assert.NotEmpty(t, r.seen(gslb.OutsideSeen), "a refusal is an answer")
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness = gslb.Fresh })
		asked := len(s.zone.Lookups())
		pass(time.Hour)
		assert.Less(t, len(s.zone.Lookups())-asked, 400, "with a peer at hand nothing is asked for that")
	})
}
