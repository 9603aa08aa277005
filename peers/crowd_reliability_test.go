// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

// TestManyPeersReturnAtOnce: all links are cut and heal in one moment, and every peer
// comes back as a new process with fifty hosts. Each is read again soon, nobody is asked
// more often than in a quiet time, attempts do not march in step, and nothing of what
// each said is mixed up.
func TestManyPeersReturnAtOnce(t *testing.T) {
	const n, hosts = 200, 50
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := make([]gslb.GeoTag, n)
		fakes := make([]*peerstest.FakePeer, n)
		for i := range n {
			tag := fmt.Sprintf("p%d", i)
			r := usReport(1, fmt.Sprintf("198.51.100.%d", i))
			r.Cluster, r.ClusterID = gslb.GeoTag(tag), "id-"+tag
			all[i] = r.Cluster
			fakes[i] = peerstest.NewFakePeer(gslb.GeoTag(tag), "fake", sharedKey().Key)
			require.NoError(t, fakes[i].Say(zoneText(t, r)))
			w.net.Add(tag+":53", tag, fakes[i])
		}
		eu := w.start("eu", all)
		asked := func() (sum int) {
			for _, f := range fakes {
				sum += len(f.Asked())
			}
			return sum
		}
		are := func(state string) (count int) {
			for _, tag := range all {
				if eu.liveness(tag) == state {
					count++
				}
			}
			return count
		}
		settle(5 * time.Second)
		require.Equal(t, n, are("fresh"))
		for _, tag := range all {
			w.net.Cut("eu", string(tag))
		}
		settle(8 * time.Second)
		require.Equal(t, n, are("lost"), "nobody vouches")
		before := asked()
		for i, tag := range all {
			require.NoError(t, fakes[i].Say(zoneText(t, crowdReport(i, hosts))))
			w.net.Heal("eu", string(tag))
		}
		busiest := busiest(t, func() { settle(2 * time.Second) }, asked)
		assert.Equal(t, n, are("fresh"), "all of them, soon")
		assert.Less(t, asked()-before, n*2*5, "without a storm of questions")
		assert.Less(t, busiest, n, "nor all in one moment")
		assert.Equal(t, 1+n*(hosts-1), eu.store.World().Len(), "all that they offer, and the host that all have")
		before = asked()
		settle(4 * time.Second)
		assert.InDelta(t, 2*n*4, asked()-before, 0.2*2*n*4, "two connections to each, one question a second")
		for i, tag := range all {
			assert.Equal(t, fmt.Sprintf("198.51.100.%d healthy", i), eu.sees(tag, app))
		}
	})
}

// crowdReport is what the i-th peer says after its restart.
func crowdReport(i, hosts int) *gslb.Report {
	tag := gslb.GeoTag(fmt.Sprintf("p%d", i))
	r := usReport(1, fmt.Sprintf("198.51.100.%d", i))
	r.Cluster, r.ClusterID, r.Instance, r.Mark = tag, "id-"+string(tag), "again", 2
	for k := range hosts - 1 {
		o := *r.Offers[gslb.MustName(app)]
		o.Host = gslb.MustName(fmt.Sprintf("h%d-%d.%s", i, k, zone))
		r.Offers[o.Host] = &o
	}
	return r
}

// busiest gives the most that count grew within 10 ms while f ran.
func busiest(t *testing.T, f func(), count func() int) int {
	t.Helper()
	most, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	for last := count(); ; {
		select {
		case <-done:
			return most
		case <-time.After(10 * time.Millisecond):
		}
		now := count()
		most, last = max(most, now-last), now
	}
}
