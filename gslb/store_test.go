// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

func TestStoreRefusesToBeNobody(t *testing.T) {
	_, err := gslb.NewStore(gslb.Config{Self: "eu"})
	assert.ErrorContains(t, err, "needs the geo tag and the id")
}

func TestKeepAlivesMakeNoWorlds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "198.51.100.1"))))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		keepAlives := func(n int) {
			for range n {
				time.Sleep(time.Second)
				s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
			}
		}
		keepAlives(2) // a serial that moved at once moves again a second later
		synctest.Wait()
		before := s.World().Revision
		keepAlives(600)
		synctest.Wait()
		assert.Equal(t, before, s.World().Revision, "ten minutes of keep-alives change nothing")
	})
}

func TestOldestClaimKeepsAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		young, old := offer(app, "young", 20, "192.0.2.2"), offer(app, "old", 10, "192.0.2.1")
		s.SetObject(young.Source, []*gslb.Offer{young})
		settle()
		assert.Equal(t, []string{"192.0.2.2/0"}, addrs(s.World().Host(app), "eu"))
		s.SetObject(old.Source, []*gslb.Offer{old})
		settle()
		h := s.World().Host(app)
		assert.Equal(t, []string{"192.0.2.1/0"}, addrs(h, "eu"))
		assert.Equal(t, []gslb.Source{young.Source}, h.Rivals)
		s.SetObject(old.Source, nil)
		settle()
		h = s.World().Host(app)
		assert.Equal(t, []string{"192.0.2.2/0"}, addrs(h, "eu"), "the next claim takes over")
		assert.Empty(t, h.Rivals)
		s.SetObject(young.Source, nil)
		settle()
		assert.Nil(t, s.World().Host(app))
		assert.Zero(t, s.World().Len())
	})
}

func TestChangedWalksExactlyWhatDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		for i := range 100 {
			o := offer(gslb.MustName(fmt.Sprintf("h%d.cloud.example.com", i)), fmt.Sprint(i), i, "192.0.2.1")
			s.SetObject(o.Source, []*gslb.Offer{o})
		}
		settle()
		before := s.World()
		assert.Len(t, slices.Collect(before.Changed(nil)), 100)
		o := offer(gslb.MustName("h7.cloud.example.com"), "7", 7, "192.0.2.7")
		s.SetObject(o.Source, []*gslb.Offer{o})
		gone := offer(gslb.MustName("h8.cloud.example.com"), "8", 8)
		s.SetObject(gone.Source, nil)
		same := offer(gslb.MustName("h9.cloud.example.com"), "9", 9, "192.0.2.1")
		s.SetObject(same.Source, []*gslb.Offer{same})
		settle()
		names := slices.SortedFunc(s.World().Changed(before), gslb.Name.Compare)
		assert.Equal(t, []gslb.Name{o.Host, gone.Host}, names, "h9 was set again to what it was")
		assert.Equal(t, before.Revision+1, s.World().Revision, "one World for all three")
		assert.Len(t, slices.Collect(before.Changed(s.World())), 2)
	})
}

func TestPoliciesThatDivergeAndTagsThatNobodyHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		mine := offer(app, "app", 5, "192.0.2.1")
		mine.Policy = gslb.Policy{Strategy: gslb.Failover, Primary: "euu", TTL: 30}
		s.SetObject(mine.Source, []*gslb.Offer{mine})
		theirs := offer(app, "app", 1, "198.51.100.1")
		require.NoError(t, s.SetReport(report("us", "a", 1, theirs)))
		settle()
		h := s.World().Host(app)
		assert.Equal(t, gslb.GeoTag("eu"), h.PolicyFrom, "our own object's policy, though it is younger")
		assert.Equal(t, []gslb.GeoTag{"us"}, h.Diverged)
		assert.Equal(t, []gslb.GeoTag{"euu"}, h.UnknownTags)
		s.KnowPeer("euu")
		settle()
		assert.Empty(t, s.World().Host(app).UnknownTags, "the cluster turned up")
	})
}

func TestSinceIsKeptWhileHealthIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		o := offer(app, "app", 1, "192.0.2.1")
		s.SetObject(o.Source, []*gslb.Offer{o})
		settle()
		since := s.World().Host(app).Part("eu").Offer.Entries[0].Since
		time.Sleep(time.Minute)
		more := offer(app, "app", 1, "192.0.2.1", "192.0.2.2")
		s.SetObject(more.Source, []*gslb.Offer{more})
		settle()
		e := s.World().Host(app).Part("eu").Offer.Entries
		assert.Equal(t, since, e[0].Since)
		assert.True(t, e[1].Since.After(since))
		more2 := offer(app, "app", 1, "192.0.2.1", "192.0.2.2")
		more2.Entries[0].Health = gslb.Unhealthy
		s.SetObject(more2.Source, []*gslb.Offer{more2})
		settle()
		assert.True(t, s.World().Host(app).Part("eu").Offer.Entries[0].Since.After(since))
	})
}

func TestMailboxKeepsTheNewestOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		var seen []uint64
		s.OnWorld(func(w *gslb.World) { seen = append(seen, w.Revision) })
		box := s.Mailbox()
		run(t, s)
		for i := range 5 {
			o := offer(app, "app", 1, fmt.Sprintf("192.0.2.%d", i+1))
			s.SetObject(o.Source, []*gslb.Offer{o})
			settle()
		}
		assert.Same(t, s.World(), <-box.C())
		assert.Empty(t, box.C())
		assert.IsIncreasing(t, seen)
		assert.GreaterOrEqual(t, len(seen), 5, "the first observer sees every World")
	})
}
