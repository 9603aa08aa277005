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

// TestManyPeersReturnAtOnce: all links are cut and heal in one moment. Every peer
// is read again soon, nobody is asked more often than in a quiet time, and nothing of
// what each said is mixed up.
func TestManyPeersReturnAtOnce(t *testing.T) {
	const n = 64
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
		for _, tag := range all {
			w.net.Heal("eu", string(tag))
		}
		settle(2 * time.Second)
		assert.Equal(t, n, are("fresh"), "all of them, soon")
		assert.Less(t, asked()-before, n*2*5, "without a storm of questions")
		before = asked()
		settle(10 * time.Second)
		assert.InDelta(t, 2*n*10, asked()-before, 0.1*2*n*10, "two connections to each, one question a second")
		for i, tag := range all {
			assert.Equal(t, fmt.Sprintf("198.51.100.%d healthy", i), eu.sees(tag, app))
		}
	})
}
