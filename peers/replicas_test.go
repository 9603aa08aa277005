// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
)

// twins starts two instances of eu that find each other at eu-1:53 and eu-2:53, and us,
// which finds eu-1 at eu:53.
func twins(t *testing.T, find func(one, other *cluster), edit ...func(*peers.Config)) (w *world, one, other, us *cluster) {
	w = newWorld(t)
	one = w.startAs("eu-1", "eu", two, edit...)
	w.net.Add("eu-1:53", "eu-1", one.x)
	other = w.startAs("eu-2", "eu", two, edit...)
	w.net.Add("eu-2:53", "eu-2", other.x)
	w.net.Add("eu:53", "eu-1", one.x)
	us = w.start("us", two)
	for _, c := range []*cluster{one, other} {
		c.offer(app, "192.0.2.1", gslb.Healthy)
	}
	if find != nil {
		find(one, other)
	}
	settle(3 * time.Second)
	return w, one, other, us
}

func both(one, other *cluster) {
	for _, c := range []*cluster{one, other} {
		c.x.ReplicasAt([]string{"eu-2:53", "eu-1:53"})
	}
}

func blind(c *cluster, since time.Time) {
	c.store.UpdateLocal(func(l *gslb.LocalState) { l.Blind = since })
}

func TestABlindInstanceFollowsAReplica(t *testing.T) {
	static := func(c *peers.Config) { c.Static["eu"] = []string{"eu-1:53", "eu-2:53"} }
	for _, c := range []struct {
		why  string
		find func(one, other *cluster)
		edit []func(*peers.Config)
	}{
		{"found, among them ourselves", both, nil},
		{"static", nil, []func(*peers.Config){static}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, one, other, us := twins(t, c.find, c.edit...)
				assert.Equal(t, "self", one.liveness("eu"))
				blind(one, time.Now())
				other.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 2 })
				other.offer(app, "192.0.2.2", gslb.Healthy)
				settle(200 * time.Millisecond)
				assert.Equal(t, "192.0.2.2 healthy", one.sees("eu", app), "what the replica sees")
				assert.Equal(t, "eu-2", one.store.World().LeansOn)
				settle(time.Second)
				assert.Equal(t, "192.0.2.2 healthy", us.sees("eu", app), "and the others hear it from the blind one")
				assert.Equal(t, "fresh", us.liveness("eu"))

				w.kill(other)
				settle(4 * time.Second)
				assert.Equal(t, "192.0.2.1 healthy", one.sees("eu", app), "the replica is gone: what we knew")
				blind(one, time.Time{})
				settle(time.Second)
				assert.Empty(t, one.store.World().LeansOn)
				assert.Empty(t, one.store.World().Cluster("eu").Conflict)
			})
		})
	}
}

func TestReplicasThatAreWellDoNotMatter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, one, other, us := twins(t, both)
		settle(5 * time.Second)
		revision := one.store.World().Revision
		said := make(map[*cluster]int) // at the start, when not all were there yet
		for _, c := range []*cluster{one, other, us} {
			said[c] = c.logs.with("level=")
		}
		settle(time.Minute)
		assert.Equal(t, revision, one.store.World().Revision, "nothing changes, so nothing is made")
		for c, n := range said {
			assert.Equal(t, n, c.logs.with("level="), "and nothing is said:\n%s", c.logs)
		}
	})
}

func TestReplicasThatGoAreNotCalledAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, one, other, _ := twins(t, both)
		one.x.ReplicasAt([]string{"eu-1:53"})
		w.kill(other)
		settle(time.Minute)
		assert.Zero(t, one.logs.with("peer cannot be read", "peer=eu"), "it was taken off the list before it went:\n%s", one.logs)
	})
}

func TestAnInstanceThatNobodyTellsOfPeersAsksAReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one := w.startAs("eu-1", "eu", two)
		w.net.Add("eu-1:53", "eu-1", one.x)
		us := w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(3 * time.Second)
		other := w.startAs("eu-2", "eu", nil)
		w.net.Add("eu-2:53", "eu-2", other.x)
		both(one, other)
		settle(2 * time.Second)
		assert.Equal(t, "198.51.100.1 healthy", other.sees("us", app), "the replica passes it on")
		assert.Equal(t, []gslb.GeoTag{"us"}, other.store.World().ReplicasHear)
		us.offer(app, "198.51.100.1", gslb.Unhealthy)
		settle(200 * time.Millisecond)
		assert.Equal(t, "198.51.100.1 unhealthy", other.sees("us", app), "and what is new of it")
		w.kill(one)
		settle(5 * time.Second)
		assert.Empty(t, other.store.World().ReplicasHear)
	})
}
