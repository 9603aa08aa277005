// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

var (
	zone = gslb.MustName("cloud.example.com")
	edge = gslb.MustName("example.com")
	app  = gslb.MustName("app.cloud.example.com")
)

// store runs a Store of cluster eu that serves the zone, in a synctest bubble.
func store(t *testing.T) *gslb.Store {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
	require.NoError(t, err)
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	return s
}

func run(t *testing.T, s *gslb.Store) {
	t.Helper()
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	t.Cleanup(func() { assert.NoError(t, <-done) })
}

func settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

func offer(host gslb.Name, name string, created int, addrs ...string) *gslb.Offer {
	o := &gslb.Offer{
		Host: host, Source: gslb.Source{Kind: "Gslb", Namespace: "default", Name: name},
		Created: at(float64(created)), Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
	}
	for _, a := range addrs {
		o.Entries = append(o.Entries, gslb.Entry{Addr: netip.MustParseAddr(a), Health: gslb.Healthy, Reason: gslb.ReasonReady})
	}
	return o
}

func report(tag gslb.GeoTag, instance string, mark uint64, offers ...*gslb.Offer) *gslb.Report {
	r := &gslb.Report{
		Cluster: tag, ClusterID: "id-" + string(tag), Instance: instance, Zone: zone, EdgeZone: edge, Mark: mark,
		Hears: []gslb.GeoTag{"eu"}, Offers: map[gslb.Name]*gslb.Offer{},
		NameServers: []gslb.NameServer{{Cluster: tag, Name: gslb.MustName("gslb-ns-" + string(tag) + "-cloud.example.com")}},
	}
	for _, o := range offers {
		r.Offers[o.Host] = o
	}
	return r
}

func addrs(h *gslb.Host, c gslb.GeoTag) []string {
	if h == nil || h.Part(c) == nil {
		return nil
	}
	var out []string
	for _, e := range h.Part(c).Entries {
		out = append(out, fmt.Sprintf("%s/%d", e.Addr, e.Tier))
	}
	return out
}

func TestStoreRefusesToBeNobody(t *testing.T) {
	_, err := gslb.NewStore(gslb.Config{Self: "eu"})
	assert.ErrorContains(t, err, "needs the geo tag and the id")
}

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

func read(t *testing.T, s *gslb.Store) {
	t.Helper()
	require.NoError(t, s.SetReport(report("us", "i1", 1, offer(app, "app", 1, "198.51.100.1"))))
	heard(s, "us")
}

func heard(s *gslb.Store, tag gslb.GeoTag) {
	s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "i1", At: time.Now()})
}

func TestKeepAlivesMakeNoWorlds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "198.51.100.1"))))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		settle()
		before := s.World().Revision
		for range 600 {
			time.Sleep(time.Second)
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		}
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

// TestWhichInstanceIsBelieved walks the table of peer.choose.
func TestWhichInstanceIsBelieved(t *testing.T) {
	const high, low = "192.0.2.1/0", "192.0.2.2/0"
	better := func(id string, mark uint64) *gslb.Report {
		return report("us", id, mark, offer(app, "app", 1, "192.0.2.1"))
	}
	worse := func(id string, mark uint64) *gslb.Report {
		return report("us", id, mark, offer(app, "app", 1, "192.0.2.2"))
	}
	blind := func(r *gslb.Report) *gslb.Report {
		r.Blind = at(0)
		return r
	}
	for _, c := range []struct {
		why          string
		first, other *gslb.Report
		firstSilent  time.Duration // how long the first is silent while the other speaks; 0: both speak for 30 s
		want         string
	}{
		{"a lower mark never replaces one that is heard", better("a", 9), worse("b", 8), 0, high},
		{"a higher mark does at once", worse("a", 8), better("b", 9), 0, high},
		{"a blind one never replaces one that sees", better("a", 9), blind(worse("b", 9)), 0, high},
		{"one that sees replaces a blind one", blind(worse("a", 9)), better("b", 9), 0, high},
		{"equal marks: the first is kept", better("a", 9), worse("b", 9), 0, high},
		{"the first fell silent: the other after the lease", worse("a", 9), better("b", 9), 3 * time.Second, high},
		{"the first fell silent, the other has a lower mark: not yet", better("a", 9), worse("b", 8), 9 * time.Second, high},
		{"the first fell silent, only lower marks for 10 s", better("a", 9), worse("b", 8), 11 * time.Second, low},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store(t)
				run(t, s)
				hear := func(id string) {
					s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: id, At: time.Now()})
				}
				require.NoError(t, s.SetReport(c.first))
				hear("a")
				require.NoError(t, s.SetReport(c.other))
				hear("b")
				end := c.firstSilent
				if end == 0 {
					end = 30 * time.Second
				}
				for range int(end / time.Second) {
					time.Sleep(time.Second)
					if c.firstSilent == 0 {
						hear("a")
					}
					hear("b")
				}
				settle()
				assert.Equal(t, []string{c.want}, addrs(s.World().Host(app), "us"))
			})
		})
	}
}

// TestASavedWorldDoesNotTakeBackWhatWasTold: a cluster told a change and died before it
// saved that. When it returns, what it saved must not be answered for the moment that it
// takes to read its objects; if it cannot read them, nobody knows better after 10 s.
func TestASavedWorldDoesNotTakeBackWhatWasTold(t *testing.T) {
	for _, c := range []struct {
		why   string
		blind time.Duration // how long the new instance cannot read its objects
		says  gslb.Announcement
		want  []string // offers of the second after the return, and of the end
	}{
		{"it reads its objects", 300 * time.Millisecond, gslb.Active, []string{"192.0.2.1/0", "192.0.2.3/0"}},
		{"its API is away", time.Minute, gslb.Active, []string{"192.0.2.1/0", "192.0.2.2/0"}},
		{"it restarts once more", time.Minute, gslb.Pausing, []string{"192.0.2.2/0", "192.0.2.2/0"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store(t)
				run(t, s)
				hear := func(id string) {
					s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: id, At: time.Now()})
				}
				require.NoError(t, s.SetReport(report("us", "a", 9, offer(app, "app", 1, "192.0.2.1"))))
				hear("a")
				time.Sleep(30 * time.Second) // all of it is gone
				saved := report("us", "b", 8, offer(app, "app", 1, "192.0.2.2"))
				saved.Blind, saved.Announcement = at(0), c.says
				require.NoError(t, s.SetReport(saved))
				hear("b")
				time.Sleep(min(c.blind, time.Second) - 50*time.Millisecond)
				settle()
				got := addrs(s.World().Host(app), "us")
				if c.blind < time.Second {
					require.NoError(t, s.SetReport(report("us", "b", 10, offer(app, "app", 1, "192.0.2.3"))))
				}
				for range 12 {
					hear("b")
					time.Sleep(time.Second)
				}
				settle()
				assert.Equal(t, c.want, append(got, addrs(s.World().Host(app), "us")...))
			})
		})
	}
}

func TestOneTagTwoClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1, offer(app, "app", 1, "192.0.2.1"))))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		impostor := report("us", "x", 100, offer(app, "app", 1, "192.0.2.66"))
		impostor.ClusterID = "another"
		assert.ErrorContains(t, s.SetReport(impostor), `geo tag "us" is used by two clusters`)
		settle()
		assert.Equal(t, []string{"192.0.2.1/0"}, addrs(s.World().Host(app), "us"), "the first keeps its answers")
		assert.Contains(t, s.World().Cluster("us").Conflict, "id id-us, which is kept, and id another")

		ours := report("eu", "x", 100, offer(app, "app", 1, "192.0.2.66"))
		ours.ClusterID = "another"
		assert.ErrorContains(t, s.SetReport(ours), `geo tag "eu" is used by two clusters`)
		settle()
		assert.Nil(t, s.World().Host(app).Part("eu"))
		assert.Contains(t, s.World().Cluster("eu").Conflict, "id id-eu, which is ours")

		time.Sleep(5 * time.Second)
		require.NoError(t, s.SetReport(impostor), "the first is gone for good: a rebuilt cluster takes over")
		settle()
		assert.Equal(t, "another", s.World().Cluster("us").ID)
	})
}

func TestSerialRisesOnceASecondAndNeverFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		settle()
		serial := func() uint32 { return s.World().Zone(zone).Serial }
		first := serial()
		assert.Equal(t, uint32(time.Now().Unix()), first, "the clock's seconds")
		for i := range 50 {
			o := offer(app, "app", 1, fmt.Sprintf("192.0.2.%d", i+1))
			s.SetObject(o.Source, []*gslb.Offer{o})
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		assert.Equal(t, first, serial(), "at most once a second")
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Greater(t, serial(), first, "but it does rise")
		was := serial()
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, was, serial(), "a quiet zone keeps its serial")

		r := report("us", "a", 1, offer(app, "app", 1, "198.51.100.1"))
		r.Public = was + 10_000_000
		require.NoError(t, s.SetReport(r))
		settle()
		assert.Equal(t, r.Public, serial(), "the highest that a peer states")
		time.Sleep(2 * time.Second)
		o := offer(app, "app", 1, "192.0.2.99")
		s.SetObject(o.Source, []*gslb.Offer{o})
		settle()
		assert.Equal(t, r.Public+1, serial(), "ahead of the clock it goes on by one")
	})
}

func TestZoneListsNameServersOfAllClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		require.NoError(t, s.SetReport(report("us", "a", 1)))
		s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
		settle()
		names := func() (out []string) {
			for _, ns := range s.World().Zone(zone).NameServers {
				out = append(out, ns.Name.String())
			}
			return out
		}
		both := []string{"gslb-ns-eu-cloud.example.com", "gslb-ns-us-cloud.example.com"}
		assert.Equal(t, both, names())
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, gslb.Lost, s.World().Cluster("us").Liveness)
		assert.Equal(t, both, names(), "a lost cluster stays in the NS set: the edge still delegates to it")
		bye := report("us", "a", 2)
		bye.Announcement = gslb.Leaving
		require.NoError(t, s.SetReport(bye))
		settle()
		assert.Equal(t, both[:1], names(), "one that left does not")
	})
}

func TestHostsBelongToTheLongestZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		outside := offer(gslb.MustName("app.example.org"), "outside", 1, "192.0.2.1")
		nested := offer(gslb.MustName("app.eu.cloud.example.com"), "nested", 1, "192.0.2.1")
		s.SetObject(outside.Source, []*gslb.Offer{outside, nested})
		settle()
		assert.True(t, s.World().Host(outside.Host).Zone.IsZero())
		assert.Equal(t, zone, s.World().Host(nested.Host).Zone)
		inner := gslb.MustName("eu.cloud.example.com")
		s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge}, {Zone: inner, EdgeZone: zone}})
		settle()
		assert.Equal(t, inner, s.World().Host(nested.Host).Zone)
		assert.Contains(t, s.World().OwnReport(inner).Offers, nested.Host)
		assert.Contains(t, s.World().OwnReport(zone).Offers, nested.Host, "for clusters that serve the outer zone alone")
		assert.Nil(t, s.World().OwnReport(edge), "not a zone of ours")
	})
}

// TestPeersNeedNotServeTheSameZones: an offer counts from the report of the longest of our
// zones, else from one around that.
func TestPeersNeedNotServeTheSameZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store(t)
		run(t, s)
		host, inner := gslb.MustName("app.in.cloud.example.com"), gslb.MustName("in.cloud.example.com")
		tell := func(zone gslb.Name, mark uint64, offers ...*gslb.Offer) {
			r := report("us", "a", mark, offers...)
			r.Zone = zone
			require.NoError(t, s.SetReport(r))
			s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
			settle()
		}
		s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge}, {Zone: inner, EdgeZone: zone}})
		tell(zone, 1, offer(host, "nested", 1, "198.51.100.1"))
		assert.Equal(t, "198.51.100.1", s.World().Host(host).Part("us").Offer.Entries[0].Addr.String(), "it serves the outer zone alone")
		tell(inner, 1, offer(host, "nested", 1, "198.51.100.2"))
		assert.Equal(t, "198.51.100.2", s.World().Host(host).Part("us").Offer.Entries[0].Addr.String(), "the inner zone's report is meant")
		tell(inner, 2)
		assert.Equal(t, "198.51.100.1", s.World().Host(host).Part("us").Offer.Entries[0].Addr.String(), "it left the inner zone")
		tell(zone, 2)
		assert.Nil(t, s.World().Host(host))
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

func TestTheSerialMovesWithEverythingThatIsTransferred(t *testing.T) {
	inner := gslb.MustName("inner.cloud.example.com")
	zones := func(negTTL uint32, innerAddr string) []gslb.ZoneIntent {
		return []gslb.ZoneIntent{
			{Zone: zone, EdgeZone: edge, NegTTL: negTTL},
			{Zone: inner, EdgeZone: zone, NegTTL: 30, Addrs: []netip.Addr{netip.MustParseAddr(innerAddr)}},
		}
	}
	for _, c := range []struct {
		why    string
		change func(s *gslb.Store)
	}{
		{"the TTL of negative answers", func(s *gslb.Store) { s.SetZones(zones(60, "192.0.2.1")) }},
		{"the address of a name server of a zone below", func(s *gslb.Store) { s.SetZones(zones(30, "192.0.2.2")) }},
		{"a zone below goes", func(s *gslb.Store) { s.SetZones(zones(30, "192.0.2.1")[:1]) }},
		{"another cluster serves the zone below", func(s *gslb.Store) {
			r := report("us", "i1", 1)
			r.Zone, r.NameServers = inner, []gslb.NameServer{{Cluster: "us", Name: gslb.MustName("gslb-ns-us-inner.cloud.example.com")}}
			require.NoError(t, s.SetReport(r))
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store(t)
				s.SetZones(zones(30, "192.0.2.1"))
				run(t, s)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				before := s.World().Zone(zone).Serial
				c.change(s)
				time.Sleep(1100 * time.Millisecond)
				synctest.Wait()
				assert.Positive(t, int32(s.World().Zone(zone).Serial-before))
			})
		})
	}
}
