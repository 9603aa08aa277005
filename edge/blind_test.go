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

// blind tells a World of a saved one, while the API is away.
func blind(w *gslb.World) {
	w.Local.Blind, w.Local.Restored = time.Now().Add(-time.Minute), true
}

// sees ends that.
func sees(w *gslb.World) { w.Local.Blind, w.Local.Restored = time.Time{}, false }

// outdated is an edge zone in which an instance that sees published another address than
// the instance knows that then starts from a saved world without the API.
func outdated(t *testing.T, z *edgetest.Zone) (seeing, restarted *rig, stop func()) {
	t.Helper()
	seeing, stop = start(t, z, "i1", "eu-id")
	seeing.tell(nil)
	pass(2 * time.Minute)
	seeing.tell(moved)
	pass(time.Minute)
	require.Equal(t, []string{"192.0.2.2"}, z.Get(euServer, edge.TypeA))
	restarted, _ = start(t, z, "i2", "eu-id")
	restarted.tell(blind)
	return seeing, restarted, stop
}

func stays(t *testing.T, z *edgetest.Zone, d time.Duration, why string) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); pass(time.Second) {
		require.Equal(t, []string{"192.0.2.2"}, z.Get(euServer, edge.TypeA), why)
		require.Equal(t, []string{"2001:db8::1"}, z.Get(euServer, edge.TypeAAAA), why)
	}
}

func TestABlindStartLeavesNewerAddressesAtTheEdge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		seeing, restarted, stop := outdated(t, z)
		before, _ := z.Beat(euBeat)
		stays(t, z, 3*time.Minute, "calm, beside the instance that sees")
		s := restarted.status()
		assert.True(t, s.OK)
		assert.Contains(t, s.Message, "192.0.2.1")
		restarted.miss("us")
		stays(t, z, 3*time.Minute, "it beats")
		h, _ := z.Beat(euBeat)
		assert.Equal(t, "i2", h.Instance)
		assert.True(t, h.Names("us"))
		assert.Equal(t, before.NS, h.NS, "and repeats what was stated of the addresses")
		seeing.miss("us")
		stays(t, z, 2*time.Minute, "they beat in turn")
		stop()
		restarted.miss()
		stays(t, z, 5*time.Hour, "alone, over many calm beats")
		h, _ = z.Beat(euBeat)
		assert.Equal(t, before.NS, h.NS)
		restarted.tell(sees)
		pass(2 * time.Second)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), "what it reads anew counts")
		assert.Empty(t, restarted.status().Message)
	})
}

func TestABlindStartRepairsWhatIsMissingEntirely(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		_, restarted, stop := outdated(t, z)
		stop()
		pass(time.Minute)
		z.Set(zoneName, edge.TypeNS, foreignNS)
		pass(2 * time.Minute)
		assert.Equal(t, []string{euServer + ".", foreignNS}, z.Get(zoneName, edge.TypeNS))
		stays(t, z, time.Minute, "the name server had addresses")
		z.Set(euServer, edge.TypeA)
		pass(3 * time.Minute)
		assert.Empty(t, z.Get(euServer, edge.TypeA), "it has one: perhaps it is meant to have no other")
		z.Set(euServer, edge.TypeAAAA)
		pass(2 * time.Minute)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), "an old address is better than none")
		assert.Equal(t, []string{"2001:db8::1"}, z.Get(euServer, edge.TypeAAAA))
		assert.True(t, restarted.status().OK)
		z.Set(euServer, edge.TypeA)
		z.Set(euServer, edge.TypeAAAA)
		z.Set(zoneName, edge.TypeNS, foreignNS)
		pass(10 * time.Minute)
		assert.Equal(t, []string{foreignNS}, z.Get(zoneName, edge.TypeNS), "who stated others than we know took the zone away")
	})
}

func TestABlindStartRepairsWhatItKnowsToBeRight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		a, stop := start(t, z, "i1", "eu-id")
		a.tell(nil)
		stop()
		r, _ := start(t, z, "i2", "eu-id")
		r.tell(blind)
		assert.True(t, r.status().OK)
		assert.Empty(t, r.status().Message)
		z.Set(euServer, edge.TypeA)
		z.Set(zoneName, edge.TypeNS)
		pass(2 * time.Minute)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA), "the heartbeat states its addresses")
		assert.Equal(t, []string{euServer + "."}, z.Get(zoneName, edge.TypeNS))
	})
}

// TestABlindStartAtAnEmptyEdge has an edge zone that was restored from a copy without us.
func TestABlindStartAtAnEmptyEdge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		r, _ := start(t, z, "i2", "eu-id")
		r.tell(blind)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA))
		assert.Equal(t, []string{euServer + "."}, z.Get(zoneName, edge.TypeNS))
		h, ok := z.Beat(euBeat)
		require.True(t, ok)
		assert.Empty(t, h.NS, "it does not state addresses that may be old")
		seeing, _ := start(t, z, "i1", "eu-id")
		seeing.tell(moved)
		pass(2 * time.Second)
		h, _ = z.Beat(euBeat)
		assert.NotEmpty(t, h.NS)
		stays(t, z, 10*time.Minute, "who sees states them")
	})
}

func TestABlindInstanceLosesTheRaceForTheGlue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		_, restarted, stop := outdated(t, z)
		stop()
		z.Set(euServer, edge.TypeA)
		z.Set(euServer, edge.TypeAAAA)
		h, _ := z.Beat(euBeat)
		h.Counter++
		z.Before(func() { // another instance is faster
			z.Set(euBeat, edge.TypeTXT, h.Data())
			z.Set(euServer, edge.TypeA, "192.0.2.2")
			z.Set(euServer, edge.TypeAAAA, "2001:db8::1")
		})
		stays2 := func() {
			pass(2 * time.Minute)
			assert.Equal(t, []string{"192.0.2.2"}, z.Get(euServer, edge.TypeA))
			assert.Equal(t, []string{"2001:db8::1"}, z.Get(euServer, edge.TypeAAAA))
		}
		stays2()
		restarted.miss("us")
		stays2()
	})
}

// TestAnOldLeaderThatWakesUpInAnAlarmRestatesNothing has an instance that sees, and whose
// watch brings what it missed a little late, beat because it heard nobody for long.
func TestAnOldLeaderThatWakesUpInAnAlarmRestatesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		old := &sleeper{Publisher: z}
		r1, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Publisher = old })
		r1.tell(nil)
		r2, _ := start(t, z, "i2", "eu-id")
		r2.tell(nil)
		pass(time.Minute)
		old.stop()
		pass(90 * time.Second)
		r2.tell(moved)
		pass(2 * time.Minute)
		old.goOn()
		r1.tell(func(w *gslb.World) {
			w.Alarm.Missed = []gslb.GeoTag{"us"}
			w.Clusters[1].Liveness = gslb.Lost
		})
		stays(t, z, 5*time.Minute, "the other instance stated others")
		h, _ := z.Beat(euBeat)
		assert.Equal(t, "i1", h.Instance, "it beats")
		r1.tell(moved)
		stays(t, z, 5*time.Minute, "now both know the same")
		z.Set(euServer, edge.TypeA, "192.0.2.77")
		pass(2 * time.Minute)
		assert.Equal(t, []string{"192.0.2.2"}, z.Get(euServer, edge.TypeA), "and repair")
	})
}

// TestWhatADeadInstanceStatedIsRestated has an instance of other settings write the
// heartbeat, and go.
func TestWhatADeadInstanceStatedIsRestated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := &edgetest.Zone{}
		a, _ := start(t, z, "i1", "eu-id")
		a.tell(nil)
		pass(time.Minute)
		b, stop := start(t, z, "i2", "eu-id")
		b.tell(moved)
		pass(time.Minute)
		stop()
		a.miss("us")
		pass(2 * time.Hour)
		assert.Equal(t, []string{"192.0.2.1"}, z.Get(euServer, edge.TypeA))
		assert.True(t, a.status().OK)
	})
}
