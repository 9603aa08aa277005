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

func TestWorldIsReadyWhenObjectsWereReadAndPeersHeardOrGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
		require.NoError(t, err)
		s.KnowPeer("us")
		run(t, s)
		settle()
		assert.False(t, s.World().Ready, "objects were not read")
		s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		settle()
		assert.False(t, s.World().Ready, "us was not heard and not given up")
		time.Sleep(4500 * time.Millisecond)
		synctest.Wait()
		assert.True(t, s.World().Ready, "us was given up")
		s.KnowPeer("ap")
		settle()
		assert.True(t, s.World().Ready, "once ready, always ready")
	})
}

func TestFirstWorldWaitsUntilPeersWereSought(t *testing.T) {
	for _, c := range []struct {
		why    string
		sought bool
		does   func(*testing.T, *gslb.Store)
		not    time.Duration
		after  time.Duration
	}{
		{"the look-up found nobody: who knows us has a moment to call", true, nil, 2400 * time.Millisecond, 2500 * time.Millisecond},
		{"the look-up hangs: not for ever", false, nil, 4400 * time.Millisecond, 4500 * time.Millisecond},
		{"it found us, whose report is read", true, read, 0, 100 * time.Millisecond},
		{"us was read, and hears ap, which nobody told us of", true, func(t *testing.T, s *gslb.Store) {
			r := report("us", "i1", 1, offer(app, "app", 1, "198.51.100.1"))
			r.Hears = []gslb.GeoTag{"ap", "eu"}
			require.NoError(t, s.SetReport(r))
			heard(s, "us")
		}, 4400 * time.Millisecond, 4500 * time.Millisecond},
		{"peers that call one by one do not hold it up", true, func(_ *testing.T, s *gslb.Store) {
			for i, tag := range []gslb.GeoTag{"ap", "me", "sa", "us"} {
				time.AfterFunc(time.Duration(i)*time.Second, func() {
					s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, At: time.Now()})
				})
			}
		}, 4400 * time.Millisecond, 4500 * time.Millisecond},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu", SeeksPeers: true})
				require.NoError(t, err)
				s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
				begin := time.Now()
				run(t, s)
				time.Sleep(50 * time.Millisecond)
				synctest.Wait()
				assert.False(t, s.World().Ready)
				if c.does != nil {
					c.does(t, s)
				}
				if c.sought {
					s.PeersSought()
				}
				time.Sleep(c.not - time.Since(begin))
				synctest.Wait()
				assert.False(t, s.World().Ready && c.not > 0)
				time.Sleep(c.after - time.Since(begin))
				synctest.Wait()
				assert.True(t, s.World().Ready)
			})
		})
	}
}
