// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

// begin starts a Store of eu that read its objects.
func begin(t *testing.T, c gslb.Config) *gslb.Store {
	t.Helper()
	c.Self, c.ClusterID = "eu", "id-eu"
	s, err := gslb.NewStore(c)
	require.NoError(t, err)
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	run(t, s)
	return s
}

func TestAnEdgeThatCannotBeReadIsWaitedForAsLongAsAPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, gslb.Config{SeeksPeers: true})
		time.Sleep(4400 * time.Millisecond)
		synctest.Wait()
		require.False(t, s.World() != nil && s.World().Ready, "nobody could name the peers yet")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		require.True(t, s.World().Ready, "and no longer than a peer")
		assert.False(t, s.World().Unsought.IsZero(), "but what it does not know may be others'")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		assert.True(t, s.World().Unsought.IsZero(), "it may be alone after all")
	})
}

func TestWhoWasFoundIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		config gslb.Config
		then   func(t *testing.T, s *gslb.Store)
		want   bool // unsought
	}{
		"the edge is read, late":   {gslb.Config{SeeksPeers: true}, func(_ *testing.T, s *gslb.Store) { s.PeersSought() }, false},
		"a peer calls and is read": {gslb.Config{SeeksPeers: true}, func(t *testing.T, s *gslb.Store) { require.NoError(t, s.SetReport(report("us", "i-us", 1))) }, false},
		"a peer calls":             {gslb.Config{SeeksPeers: true}, func(_ *testing.T, s *gslb.Store) { s.KnowPeer("us") }, true},
		"nobody is looked for":     {gslb.Config{}, func(*testing.T, *gslb.Store) {}, false},
		"a saved world is there":   {gslb.Config{SeeksPeers: true, Saved: &gslb.Saved{Self: "eu", ClusterID: "id-eu"}}, func(*testing.T, *gslb.Store) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := begin(t, c.config)
				time.Sleep(10 * time.Second)
				c.then(t, s)
				settle()
				require.True(t, s.World().Ready)
				assert.Equal(t, c.want, !s.World().Unsought.IsZero())
			})
		})
	}
}
