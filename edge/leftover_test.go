// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// ownKey gives a cluster a key of its own, as the pages about BIND and Knot have it.
func ownKey(z *edgetest.Zone, server, beat string, zones ...string) func(*edge.Config) {
	return func(c *edge.Config) {
		c.Publisher = z.Granted(slices.Concat([]string{zoneName, server, beat}, zones)...)
	}
}

// refusals gives the updates that were refused.
func refusals(z *edgetest.Zone) (out []edgetest.Update) {
	for _, u := range z.Updates() {
		if u.Err != nil && !errors.Is(u.Err, edge.ErrRaced) {
			out = append(out, u)
		}
	}
	return out
}

func TestADeadClusterGoesWhenItsGlueMayNotBeTouched(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id", ownKey(z, euServer, euBeat))
		r.tell(nil)
		r.lose(false)
		pass(time.Minute)
		assert.Empty(t, r.status().Message, "lost is not dead")
		r.lose(true)
		pass(time.Second)
		assert.Equal(t, []string{euServer + ".", foreignNS}, z.Get(zoneName, edge.TypeNS))
		assert.Equal(t, []string{"198.51.100.1"}, z.Get(usServer, edge.TypeA), "nobody but us may touch it")
		assert.Equal(t, []string{usAt(7)}, z.Get(usBeat, edge.TypeTXT))
		last := r.taken()[len(r.taken())-1].Change
		assert.Len(t, last.Require, 3, "the NS set, its heartbeat, ours: nothing less is asked")
		assert.Empty(t, last.Clear)
		s := r.status()
		assert.True(t, s.OK, "the survivors are delegated as they should be")
		assert.Equal(t, edge.ReasonDelegated, s.Reason)
		assert.Contains(t, s.Message, usServer+". [198.51.100.1 2001:db8::2]")
		assert.Len(t, refusals(z), 1)
		before := len(z.Updates())
		pass(40 * time.Minute)
		assert.Len(t, z.Updates(), before, "what is left is no reason to remove it for ever")
		assert.Contains(t, r.status().Message, usServer)

		z.Set(usServer, edge.TypeA)
		z.Set(usServer, edge.TypeAAAA)
		z.Wildcard(edge.TypeA, "192.0.2.99")
		pass(2 * time.Minute)
		assert.Empty(t, r.status().Message, "it was removed by hand")
	})
}

func TestADeadClusterWithoutItsNameReturns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id", ownKey(z, euServer, euBeat))
		r.tell(nil)
		r.lose(true)
		pass(time.Minute)
		require.NotContains(t, z.Get(zoneName, edge.TypeNS), usServer+".")
		us, _ := start(t, z, "u1", "us-id", ownKey(z, usServer, usBeat))
		us.world.Self, us.world.Clusters = "us", []gslb.Cluster{{Tag: "eu", ID: "eu-id", Liveness: gslb.Fresh}, {Tag: "us", ID: "us-id", Liveness: gslb.Self}}
		us.world.Zones = []gslb.Zone{intent(zoneName, edgeName, "198.51.100.77")}
		us.tell(nil)
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].Dead = gslb.Fresh, nil })
		pass(5 * time.Minute)
		assert.Equal(t, []string{euServer + ".", usServer + ".", foreignNS}, z.Get(zoneName, edge.TypeNS))
		assert.Equal(t, []string{"198.51.100.77"}, z.Get(usServer, edge.TypeA), "its old address too is its own to remove")
		assert.Empty(t, z.Get(usServer, edge.TypeAAAA))
		for _, m := range []*rig{r, us} {
			assert.True(t, m.status().OK)
			assert.Empty(t, m.status().Message)
		}
	})
}

// What may not be touched in one zone may not be in the next, so it is not tried again until an
// hour is over.
func TestThatGlueMayNotBeTouchedIsRememberedForAWhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const second, secondUS = "apps.example.com", "gslb-ns-us-apps.example.com"
		z := withUS()
		z.Set(second, edge.TypeNS, secondUS+".")
		z.Set(secondUS, edge.TypeA, "198.51.100.1")
		r, _ := start(t, z, "i1", "eu-id", ownKey(z, euServer, euBeat, second, "gslb-ns-eu-apps.example.com"))
		r.tell(func(w *gslb.World) { w.Zones = append(w.Zones, intent(second, edgeName, "192.0.2.1")) })
		dead := func() {
			r.tell(func(w *gslb.World) {
				w.Clusters[1].Liveness = gslb.Lost
				for i := range w.Zones {
					w.Zones[i].Dead = []gslb.GeoTag{"us"}
				}
			})
			pass(time.Minute)
			require.NotContains(t, z.Get(zoneName, edge.TypeNS), usServer+".")
			require.NotContains(t, z.Get(second, edge.TypeNS), secondUS+".")
		}
		back := func() {
			r.tell(func(w *gslb.World) {
				w.Clusters[1].Liveness = gslb.Fresh
				for i := range w.Zones {
					w.Zones[i].Dead = nil
				}
			})
			z.Set(zoneName, edge.TypeNS, append(z.Get(zoneName, edge.TypeNS), usServer+".")...)
			z.Set(second, edge.TypeNS, append(z.Get(second, edge.TypeNS), secondUS+".")...)
		}
		dead()
		assert.Len(t, refusals(z), 1, "for both zones")
		back()
		dead()
		assert.Len(t, refusals(z), 1)
		back()
		pass(time.Hour)
		dead()
		assert.Len(t, refusals(z), 2, "somebody may have granted it meanwhile")
	})
}

func TestTheNSAloneToo(t *testing.T) {
	for _, c := range []struct {
		why  string
		race func(z *edgetest.Zone)
	}{
		{"the dead beats between the two messages", func(z *edgetest.Zone) { z.Set(usBeat, edge.TypeTXT, usAt(8)) }},
		{"the delegation changes between the two messages", func(z *edgetest.Zone) {
			z.Set(zoneName, edge.TypeNS, usServer+".", foreignNS, euServer+".", "ns.third.example.")
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				z := withUS()
				r, _ := start(t, z, "i1", "eu-id", ownKey(z, euServer, euBeat))
				r.tell(nil)
				r.lose(false)
				pass(time.Minute)
				z.Before(func() { z.Before(func() { c.race(z) }) })
				r.lose(true)
				pass(time.Second)
				assert.Contains(t, z.Get(zoneName, edge.TypeNS), usServer+".")
				assert.True(t, r.status().OK)
				pass(2 * time.Minute)
				assert.NotContains(t, z.Get(zoneName, edge.TypeNS), usServer+".", "later, when all stands still")
			})
		})
	}
}

func TestWhoMayNotTouchTheNSSetSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		z.Set(zoneName, edge.TypeNS, usServer+".", euServer+".")
		r, _ := start(t, z, "i1", "eu-id", func(c *edge.Config) { c.Publisher = z.Granted(euServer, euBeat) })
		r.tell(nil)
		r.lose(true)
		pass(time.Minute)
		assert.Contains(t, z.Get(zoneName, edge.TypeNS), usServer+".")
		assert.Equal(t, edge.ReasonRefused, r.status().Reason)
		assert.Equal(t, "REFUSED", r.status().RCODE)
		assert.False(t, r.status().OK)
	})
}
