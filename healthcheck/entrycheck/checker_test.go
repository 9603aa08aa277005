// SPDX-License-Identifier: Apache-2.0

package entrycheck_test

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/entrycheck"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

func TestNewSaysWhatIsMissing(t *testing.T) {
	_, err := entrycheck.New(entrycheck.Config{})
	require.ErrorContains(t, err, "needs a store")
	c := entrycheck.Config{Store: &lab{}, Worlds: make(chan *gslb.World), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Rate: -1}
	_, err = entrycheck.New(c)
	require.ErrorContains(t, err, "give 1 or more")
	c.Rate = 0
	_, err = entrycheck.New(c)
	require.NoError(t, err)
	_, err = entrycheck.New(c)
	require.ErrorContains(t, err, "metrics")
}

func TestNobodyIsAskedWhileEveryClusterIsHeard(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		pass(time.Minute)
		assert.Zero(t, l.net.Count())
	})
}

func TestAFrozenClusterWhoseEntriesServeKeepsItsHosts(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		dead := gslb.MustName("dead.cloud.example.com")
		l.net.Set(http1, fakenet.Always(fakenet.ByHost(map[string]int{app.String(): 200, dead.String(): 503})))
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}, dead: {entry(addr1)}})
		pass(time.Second)
		l.silence("us")
		pass(2900 * time.Millisecond)
		assert.Zero(t, l.net.Count(), "within the lease nobody is asked")
		pass(1500 * time.Millisecond)
		require.Equal(t, gslb.Doubtful, l.World().Cluster("us").Liveness)
		require.NotEmpty(t, l.sightings(), "answered before the decision")
		assert.Less(t, l.sightings()[0].after, 3100*time.Millisecond, "asked at once when doubt begins")
		for range 120 {
			pass(500 * time.Millisecond)
			require.Equal(t, gslb.TierHealthy, l.tier(app, "us"), "never a moment without")
		}
		assert.Equal(t, gslb.Lost, l.World().Cluster("us").Liveness, "the cluster itself is not vouched for")
		assert.Equal(t, gslb.TierLost, l.tier(dead, "us"), "503 does not vouch, nor does the other host at the same address")
		for _, s := range l.sightings() {
			assert.Equal(t, app, s.Host)
			assert.Equal(t, gslb.GeoTag("us"), s.Of)
		}
		assert.LessOrEqual(t, l.net.Most(), 2, "one question of each host at a time")
	})
}

func TestADeadClusterIsLostWithinFiveSeconds(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Swallow)
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		pass(time.Second)
		l.silence("us")
		pass(4600 * time.Millisecond)
		assert.Equal(t, gslb.TierLost, l.tier(app, "us"))
		assert.Empty(t, l.sightings())
	})
}

func TestEntriesThatStopAnsweringStopVouching(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		pass(time.Second)
		l.silence("us")
		pass(20 * time.Second)
		require.Equal(t, gslb.TierHealthy, l.tier(app, "us"))
		asked := len(l.net.Dials(http1))
		l.net.Set(http1, fakenet.Refuse)
		pass(2 * time.Second)
		assert.Equal(t, gslb.TierHealthy, l.tier(app, "us"), "one failure takes nothing")
		pass(5 * time.Second)
		assert.Equal(t, gslb.TierLost, l.tier(app, "us"))
		assert.GreaterOrEqual(t, len(l.net.Dials(http1))-asked, 3, "asked again while the answer still counted")
		l.net.Set(http1, fakenet.Always(fakenet.Status(404)))
		pass(6 * time.Second)
		assert.Equal(t, gslb.TierHealthy, l.tier(app, "us"), "and back: a 404 vouches too")
	})
}

func TestTheIntervalOfQuestionsAndWhatAnAnswerIsWorth(t *testing.T) {
	virtual(t, func(c *entrycheck.Config) { c.Interval = 5 * time.Second }, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		pass(time.Second)
		l.silence("us")
		pass(20 * time.Second)
		asked := len(l.net.Dials(http1))
		pass(50 * time.Second)
		assert.InDelta(t, 10, len(l.net.Dials(http1))-asked, 1, "every five seconds")
		l.net.Set(http1, fakenet.Refuse)
		pass(9 * time.Second)
		assert.Equal(t, gslb.TierHealthy, l.tier(app, "us"), "an answer counts three times as long")
		pass(8 * time.Second)
		assert.Equal(t, gslb.TierLost, l.tier(app, "us"))
	})
}

func TestAskingEndsWhenTheClusterIsHeardAgain(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		pass(time.Second)
		l.silence("us")
		pass(10 * time.Second)
		l.speak("us")
		pass(time.Second)
		asked, said := l.net.Count(), len(l.sightings())
		pass(time.Minute)
		assert.Equal(t, asked, l.net.Count())
		assert.Len(t, l.sightings(), said)
		families, err := l.registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			if f.GetName() == "meridian_healthcheck_entry_check_entries" {
				assert.Zero(t, f.GetMetric()[0].GetGauge().GetValue())
			}
		}
		problems, err := testutil.GatherAndLint(l.registry)
		require.NoError(t, err)
		assert.Empty(t, problems)
	})
}

func TestWhichEntriesAreAsked(t *testing.T) {
	with := func(change func(*gslb.Entry)) gslb.Entry {
		e := entry(addr1)
		change(&e)
		return e
	}
	cases := []struct {
		name  string
		entry gslb.Entry
		at    string
		asked bool
		why   string
	}{
		{"healthy", entry(addr1), http1, true, "as offered last"},
		{"unknown", with(func(e *gslb.Entry) { e.Health = gslb.HealthUnknown }), http1, true, "unknown is not unhealthy"},
		{"unhealthy", with(func(e *gslb.Entry) { e.Health = gslb.Unhealthy }), http1, false, "its cluster said so itself"},
		{"nobody knows how", with(func(e *gslb.Entry) { e.Ask = gslb.Ask{} }), http1, false, "the report does not say how a client asks"},
		{"another port", with(func(e *gslb.Entry) { e.Ask.Port = 8080 }), "198.51.100.1:8080", true, "as the report says"},
		{"tcp without port", with(func(e *gslb.Entry) { e.Ask = gslb.Ask{Scheme: "tcp"} }), "198.51.100.1:0", false, "TCP has no usual port"},
		{"https", with(func(e *gslb.Entry) { e.Ask.Scheme = "https" }), "198.51.100.1:443", true, "443 is usual"},
		{"loopback", entry(netip.MustParseAddr("127.0.0.1")), "127.0.0.1:80", false, "a peer cannot make us ask ourselves"},
		{"loopback, mapped", entry(netip.MustParseAddr("::ffff:127.0.0.1")), "[::ffff:127.0.0.1]:80", false, "nor in disguise"},
		{"link-local", entry(netip.MustParseAddr("169.254.169.254")), "169.254.169.254:80", false, "nor the cloud's metadata"},
		{"unspecified", entry(netip.MustParseAddr("0.0.0.0")), "0.0.0.0:80", false, "that would be this machine"},
		{"shared with us", with(func(e *gslb.Entry) { e.Owners = []gslb.GeoTag{"eu", "us"} }), http1, false, "an answer could be our own"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, nil, func(t *testing.T, l *lab) {
				l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {c.entry}})
				pass(time.Second)
				l.silence("us")
				pass(10 * time.Second)
				assert.Equal(t, c.asked, len(l.net.Dials(c.at)) > 0, c.why)
				if !c.asked {
					assert.Zero(t, l.net.Count())
				}
			})
		})
	}
}

func TestAnAddressThatAHeardClusterOffersTooSaysNothing(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1), entry(addr2)}})
		l.report(t, "ap", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		pass(time.Second)
		l.silence("us")
		pass(10 * time.Second)
		assert.Empty(t, l.net.Dials(http1))
		assert.NotEmpty(t, l.net.Dials("198.51.100.2:80"))
		assert.Empty(t, l.sightings())
	})
}

func TestOneQuestionForTwoClustersInTrouble(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		for _, tag := range []gslb.GeoTag{"us", "ap"} {
			l.report(t, tag, map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		}
		pass(time.Second)
		l.silence("us")
		l.silence("ap")
		pass(3500 * time.Millisecond)
		assert.Len(t, l.net.Dials(http1), 1)
		got := make(map[gslb.GeoTag]int)
		for _, s := range l.sightings() {
			got[s.Of]++
		}
		assert.Equal(t, map[gslb.GeoTag]int{"us": 1, "ap": 1}, got, "the answer vouches for both")
	})
}

func TestTheNextEntryIsAskedWhereTheFirstFails(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set("198.51.100.2:80", fakenet.Always(fakenet.Status(200)))
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1), entry(addr2)}}) // the first is refused
		pass(time.Second)
		l.silence("us")
		pass(4400 * time.Millisecond)
		assert.NotEmpty(t, l.sightings(), "in time for the decision")
		pass(time.Minute)
		assert.Equal(t, gslb.TierHealthy, l.tier(app, "us"))
	})
}

func TestAnEntryThatAnswersSparesTheOthers(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.net.Set("198.51.100.2:80", fakenet.Always(fakenet.Status(200)))
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {entry(addr1), entry(addr2)}})
		pass(time.Second)
		l.silence("us")
		pass(30 * time.Second)
		assert.Empty(t, l.net.Dials("198.51.100.2:80"))
		l.net.Set(http1, fakenet.Swallow)
		for range 40 {
			pass(500 * time.Millisecond)
			require.Equal(t, gslb.TierHealthy, l.tier(app, "us"), "the second takes over without a gap")
		}
	})
}

// TestDoubtComesFirst: with more hosts than the rate can reach, doubt goes before
// what is settled, the rate is kept, and each host is asked once before any twice.
func TestDoubtComesFirst(t *testing.T) {
	virtual(t, func(c *entrycheck.Config) { c.Rate = 100 }, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.net.Set("198.51.100.2:80", fakenet.Always(fakenet.Status(200)))
		old, fresh := make(map[gslb.Name][]gslb.Entry), make(map[gslb.Name][]gslb.Entry)
		for i, h := range hosts(700) {
			if i < 600 {
				old[h] = []gslb.Entry{entry(addr1)}
			} else {
				fresh[h] = []gslb.Entry{entry(addr2)}
			}
		}
		l.report(t, "us", old)
		l.report(t, "ap", fresh)
		pass(time.Second)
		l.silence("us")
		pass(time.Minute) // lost, and all 600 answer now and then
		l.silence("ap")
		pass(4400 * time.Millisecond)
		vouched := make(map[gslb.Name]bool)
		for _, s := range l.sightings() {
			if s.Of == "ap" {
				vouched[s.Host] = true
			}
		}
		assert.Len(t, vouched, 100, "all hundred in the window of doubt")
		dials := append(l.net.Dials(http1), l.net.Dials("198.51.100.2:80")...)
		perSecond := make(map[int64]int)
		for _, d := range dials {
			perSecond[d.At.Unix()]++
		}
		for s, n := range perSecond {
			assert.LessOrEqual(t, n, 111, "second %d", s)
		}
		pass(time.Minute)
		for _, h := range hosts(700) {
			tag := gslb.GeoTag("us")
			if fresh[h] != nil {
				tag = "ap"
			}
			require.Equal(t, gslb.TierHealthy, l.tier(h, tag), "stretched paces and validity fit each other: %s", h)
		}
	})
}

func TestTheWindowOfDoubtReachesThreeThousandHosts(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		offers := make(map[gslb.Name][]gslb.Entry)
		for _, h := range hosts(4000) {
			offers[h] = []gslb.Entry{entry(addr1)}
		}
		l.report(t, "us", offers)
		pass(time.Second)
		l.silence("us")
		pass(4490 * time.Millisecond)
		assert.GreaterOrEqual(t, len(l.sightings()), 3000)
	})
}
