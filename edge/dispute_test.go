// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// first is a cluster that has had geo tag eu for a while.
func first(t *testing.T, z *edgetest.Zone) (*rig, func()) {
	t.Helper()
	a, stop := start(t, z, "i1", "first-id")
	a.tell(nil)
	assert.True(t, a.status().OK, "where nobody was, a start does not wait")
	pass(20 * time.Minute)
	return a, stop
}

// second moves a World to the other address.
func second(w *gslb.World) { w.Zones[0] = intent(zoneName, edgeName, "192.0.2.50") }

func TestBothClustersWithOneGeoTagShowIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		a, _ := first(t, z)
		b, _ := start(t, z, "i2", "second-id")
		b.tell(second)
		shown := map[*rig]bool{}
		for range 60 {
			pass(time.Minute)
			for _, r := range []*rig{a, b} {
				shown[r] = shown[r] || r.status().Reason == edge.ReasonGeoTagConflicted
			}
			assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), "though no exchange tells of the first, and its heartbeat is calm")
		}
		assert.True(t, shown[a], "the first shows it")
		assert.True(t, shown[b], "the second shows it")
		assert.Equal(t, []string{"2001:db8::1"}, z.Get(euServer, edge.TypeAAAA))
	})
}

func TestAStartPublishesNothingBesideTheClusterThatHasItsGeoTag(t *testing.T) {
	untouched := func(t *testing.T, z *edgetest.Zone, why string) {
		t.Helper()
		h, _ := z.Beat(euBeat)
		assert.Equal(t, "first-id", h.ClusterID, why)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), why)
	}
	t.Run("the exchange is refused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := &edgetest.Zone{}
			_, stop := first(t, z)
			b, _ := start(t, z, "i2", "second-id")
			b.tell(second)
			untouched(t, z, "before anything is known")
			pass(5 * time.Second)
			b.tell(func(w *gslb.World) { w.Clusters[0].Conflict = "geo tag eu is used by two clusters" })
			for range 30 {
				pass(time.Minute)
				untouched(t, z, "while the first lives")
				assert.Equal(t, edge.ReasonGeoTagConflicted, b.status().Reason)
			}
			stop()
			b.tell(func(w *gslb.World) { w.Clusters[0].Conflict = "" })
			pass(2 * time.Minute)
			assert.Equal(t, []string{"192.0.2.1", "192.0.2.50"}, z.Get(euServer, edge.TypeA), "the first has gone: its place is taken")
		})
	})
	t.Run("the heartbeat moves", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := &edgetest.Zone{}
			a, stop := first(t, z)
			a.miss("us")
			pass(2 * time.Second)
			b, _ := start(t, z, "i2", "second-id")
			b.tell(second)
			for range 50 {
				pass(6 * time.Second)
				untouched(t, z, "an alarm goes on, every 5 s and later every 15 s")
				assert.Contains(t, b.status().Message, "first-id")
			}
			stop()
			pass(2 * time.Minute)
			h, _ := z.Beat(euBeat)
			assert.Equal(t, "second-id", h.ClusterID, "it stands still: its place is taken")
			assert.True(t, b.status().OK)
		})
	})
	t.Run("the edge lost the heartbeat", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			z := &edgetest.Zone{}
			b, _ := start(t, z, "i2", "second-id")
			b.tell(func(w *gslb.World) {
				second(w)
				w.Clusters[0].Conflict = "geo tag eu is used by two clusters"
			})
			pass(10 * time.Minute)
			_, ok := z.Beat(euBeat)
			assert.False(t, ok)
			assert.Empty(t, z.Updates())
		})
	})
}

func TestGlueIsTakenBackWhenTheFirstClusterIsHeardLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		_, stop := first(t, z)
		stop() // its link to the edge is cut
		b, _ := start(t, z, "i2", "second-id")
		b.tell(second)
		pass(2 * time.Minute)
		assert.Equal(t, []string{"192.0.2.1", "192.0.2.50"}, z.Get(euServer, edge.TypeA), "nothing was heard of the first")
		b.tell(func(w *gslb.World) { w.Clusters[0].Conflict = "geo tag eu is used by two clusters" })
		pass(5 * time.Second)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), "ours only; that of the first stays")
	})
}
