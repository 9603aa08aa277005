// SPDX-License-Identifier: Apache-2.0

package edge_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// usAt gives the heartbeat of us with a counter.
func usAt(counter uint64) string {
	h := edge.Heartbeat{Cluster: "us", ClusterID: "us-id", Instance: "u1", Counter: counter, Interval: time.Hour}
	return h.Data()
}

// withUS is an edge zone in which us stands beside a foreign name server.
func withUS() *edgetest.Zone {
	z := &edgetest.Zone{}
	z.Set(zoneName, edge.TypeNS, usServer+".", foreignNS)
	z.Set(usServer, edge.TypeA, "198.51.100.1")
	z.Set(usServer, edge.TypeAAAA, "2001:db8::2")
	z.Set(usBeat, edge.TypeTXT, usAt(7))
	return z
}

// lose makes us lost, and dead if so.
func (r *rig) lose(dead bool) {
	r.t.Helper()
	r.tell(func(w *gslb.World) {
		w.Clusters[1].Liveness = gslb.Lost
		w.Zones[0].Dead = nil
		if dead {
			w.Zones[0].Dead = []gslb.GeoTag{"us"}
		}
	})
}

func standsUS(t *testing.T, z *edgetest.Zone, want bool, why string) {
	t.Helper()
	assert.Equal(t, want, len(z.Get(usServer, edge.TypeA))+len(z.Get(usServer, edge.TypeAAAA)) == 2, "glue: %s", why)
	ns := []string{euServer + ".", foreignNS}
	if want {
		ns = []string{euServer + ".", usServer + ".", foreignNS}
	}
	assert.Equal(t, ns, z.Get(zoneName, edge.TypeNS), why)
}

func TestTheNameServerOfADeadClusterIsRemoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		r.lose(false)
		pass(10 * time.Minute)
		standsUS(t, z, true, "lost is not dead")
		r.lose(true)
		pass(time.Second)
		standsUS(t, z, false, "its heartbeat has stood still all the time")
		assert.Equal(t, []string{usAt(7)}, z.Get(usBeat, edge.TypeTXT), "the heartbeat is its own to remove")
		assert.True(t, r.status().OK)
		last := r.taken()[len(r.taken())-1].Change
		assert.Len(t, last.Require, 3, "the NS set, its heartbeat, ours")
		before := len(z.Updates())
		pass(40 * time.Minute)
		assert.Len(t, z.Updates(), before, "once")
		assert.True(t, r.status().OK)
	})
}

func TestAHeartbeatHasToStandStillFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		r.lose(true)
		pass(14 * time.Second)
		standsUS(t, z, true, "read for the first time: it may go on")
		pass(2 * time.Second)
		standsUS(t, z, false, "it does not")
	})
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		r.lose(true)
		for i := range 60 {
			z.Set(usBeat, edge.TypeTXT, usAt(uint64(8+i)))
			pass(14 * time.Second)
			standsUS(t, z, true, fmt.Sprintf("it beats: %d", i))
		}
	})
}

func TestACallFromTheDeadInTheLastMomentStopsTheRemoval(t *testing.T) {
	for _, c := range []struct {
		why  string
		race func(z *edgetest.Zone)
	}{
		{"it beats", func(z *edgetest.Zone) { z.Set(usBeat, edge.TypeTXT, usAt(8)) }},
		{"its heartbeat goes", func(z *edgetest.Zone) { z.Set(usBeat, edge.TypeTXT) }},
		{"the delegation changes", func(z *edgetest.Zone) {
			z.Set(zoneName, edge.TypeNS, usServer+".", foreignNS, euServer+".", "ns.third.example.")
		}},
		{"we are replaced", func(z *edgetest.Zone) { z.Set(euBeat, edge.TypeTXT, `"v=1"`) }},
	} {
		t.Run(c.why, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				z := withUS()
				r, _ := start(t, z, "i1", "eu-id")
				r.tell(nil)
				r.lose(false)
				pass(time.Minute)
				z.Before(func() { c.race(z) })
				r.lose(true)
				pass(time.Second)
				assert.Contains(t, z.Get(zoneName, edge.TypeNS), usServer+".")
				assert.NotEmpty(t, z.Get(usServer, edge.TypeA))
				require.True(t, slices.ContainsFunc(z.Updates(), func(u edgetest.Update) bool { return errors.Is(u.Err, edge.ErrRaced) }))
				pass(2 * time.Minute)
				assert.NotContains(t, z.Get(zoneName, edge.TypeNS), usServer+".", "later, when all stands still")
			})
		})
	}
}

func TestAClusterThatReturnsIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		r.lose(true)
		pass(10 * time.Second)
		r.tell(func(w *gslb.World) { w.Clusters[1].Liveness, w.Zones[0].Dead = gslb.Fresh, nil })
		pass(time.Hour)
		standsUS(t, z, true, "it was dead for ten seconds only")
		r.lose(true)
		pass(10 * time.Second)
		standsUS(t, z, true, "and then everything begins anew")
	})
}

func TestNobodyRemovesUnderAnotherClustersHeartbeat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		other := edge.Heartbeat{Cluster: "eu", ClusterID: "eu-other", Instance: "x", Counter: 9, Interval: time.Hour}
		z.Set(euBeat, edge.TypeTXT, other.Data())
		r.lose(true)
		pass(90 * time.Second)
		assert.Contains(t, z.Get(zoneName, edge.TypeNS), usServer+".")
	})
}

func TestWithoutOurOwnNameServerNoneIsRemoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		z.Break(edgetest.Trouble{Ignore: true})
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		r.lose(true)
		pass(10 * time.Minute)
		assert.Equal(t, []string{usServer + ".", foreignNS}, z.Get(zoneName, edge.TypeNS))
		for _, u := range z.Updates() {
			assert.Empty(t, u.Change.Remove, "ours comes first, so that the last one never goes")
		}
	})
}

func TestARemovalThatIsIgnoredIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		z := withUS()
		r, _ := start(t, z, "i1", "eu-id")
		r.tell(nil)
		r.lose(false)
		pass(time.Minute)
		z.Break(edgetest.Trouble{Ignore: true})
		r.lose(true)
		pass(time.Second)
		assert.Equal(t, edge.ReasonIgnored, r.status().Reason)
		assert.Contains(t, r.status().Message, usServer)
	})
}

// A cluster that runs k8gb writes the whole set of name servers again and again, and
// beats for nobody: to remove its name server would be to quarrel with it.
func TestWhoNeverBeatAndNeverSignedIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		why    string
		us     func(c *gslb.Cluster)
		stands bool
	}{
		{"known by its name server alone", func(c *gslb.Cluster) { c.ID = "" }, true},
		{"runs k8gb", func(c *gslb.Cluster) { c.ID, c.K8gb = "k8gb-us", true }, true},
		{"signed once, and its heartbeat is gone", func(c *gslb.Cluster) { c.ID = "us-id" }, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				z := withUS()
				z.Set(usBeat, edge.TypeTXT)
				r, _ := start(t, z, "i1", "eu-id")
				r.tell(nil)
				r.tell(func(w *gslb.World) {
					w.Clusters[1].Liveness = gslb.Lost
					c.us(&w.Clusters[1])
					w.Zones[0].Dead = []gslb.GeoTag{"us"}
				})
				pass(10 * time.Minute)
				standsUS(t, z, c.stands, c.why)
				assert.True(t, r.status().OK)
			})
		})
	}
}
