// SPDX-License-Identifier: Apache-2.0

package healthcheck_test

import (
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

const http1 = "192.0.2.1:80"

func TestNewSaysWhatIsMissing(t *testing.T) {
	_, err := healthcheck.New(healthcheck.Config{})
	require.ErrorContains(t, err, "needs a store")
	c := healthcheck.Config{Store: &lab{}, Worlds: make(chan *gslb.World), Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Limit: -1}
	_, err = healthcheck.New(c)
	require.ErrorContains(t, err, "give 1 or more")
	c.Limit = 0
	_, err = healthcheck.New(c)
	require.NoError(t, err)
	_, err = healthcheck.New(c)
	require.ErrorContains(t, err, "metrics", "one registry, one monitor")
}

func TestAnEntryRisesFallsAndRisesAgain(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.offer(app, httpCheck(), addr1)
		pass(600 * time.Millisecond) // first probe at 0.5 s
		assert.Empty(t, l.told(), "one success is no verdict yet")
		assert.Equal(t, gslb.HealthUnknown, l.health(app, addr1), "ready, but the probe has not spoken: unknown")
		pass(time.Second)
		assert.Equal(t, []string{"healthy: 2 of 2 succeeded"}, l.words(app, addr1))
		assert.Equal(t, gslb.Healthy, l.health(app, addr1))

		l.net.Set(http1, fakenet.Always(fakenet.Status(503)))
		pass(10 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr1), "two failures of three")
		pass(5 * time.Second)
		assert.Equal(t, []string{"healthy: 2 of 2 succeeded", "unhealthy: 3 of 3 failed: status 503"}, l.words(app, addr1))
		assert.Equal(t, gslb.Unhealthy, l.health(app, addr1))

		l.net.Set(http1, fakenet.Refuse)
		pass(20 * time.Second)
		assert.Equal(t, "unhealthy: 3 of 3 failed: connect: refused", l.words(app, addr1)[2], "another cause is told once")
		require.Len(t, l.words(app, addr1), 3)

		l.net.Set(http1, fakenet.Always(fakenet.Status(302)))
		pass(10 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr1))
		assert.Len(t, l.words(app, addr1), 4)
	})
}

func TestAFirstVerdictOfDownNeedsFallFailures(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.offer(app, httpCheck(), addr1) // refused
		pass(2400 * time.Millisecond)
		assert.Empty(t, l.told())
		pass(200 * time.Millisecond)
		assert.Equal(t, []string{"unhealthy: 3 of 3 failed: connect: refused"}, l.words(app, addr1), "once a second until decided")
	})
}

func TestEntriesAndFamiliesAreJudgedApart(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.net.Set("[2001:db8::1]:80", fakenet.Fails(syscall.EHOSTUNREACH))
		l.offer(app, httpCheck(), addr1, addr2, addr1)
		pass(10 * time.Second)
		assert.Equal(t, []string{"healthy: 2 of 2 succeeded"}, l.words(app, addr1))
		assert.Equal(t, []string{"unhealthy: 3 of 3 failed: connect: no route to host"}, l.words(app, addr2))
		assert.False(t, l.net.Overlapped(), "an address that is listed twice is probed once")
	})
}

func TestAVerdictGoesWithItsCheckOrEntry(t *testing.T) {
	cases := []struct {
		name string
		then func(l *lab)
	}{
		{"the entry is gone", func(l *lab) { l.offer(app, httpCheck(), addr2) }},
		{"the check is gone", func(l *lab) { l.offer(app, nil, addr1) }},
		{"the host is gone", func(l *lab) { l.gone(app) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, nil, func(t *testing.T, l *lab) {
				l.offer(app, httpCheck(), addr1) // refused
				pass(10 * time.Second)
				require.Equal(t, gslb.Unhealthy, l.health(app, addr1))
				before := len(l.net.Dials(http1))
				c.then(l)
				pass(time.Minute)
				assert.Equal(t, []string{"unhealthy: 3 of 3 failed: connect: refused", "dropped"}, l.words(app, addr1))
				assert.Len(t, l.net.Dials(http1), before, "and nobody asks any more")
			})
		})
	}
}

func TestChangedParametersKeepTheVerdictUntilTheyDecide(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Always(fakenet.Status(200)))
		l.offer(app, httpCheck(), addr1)
		pass(10 * time.Second)
		l.net.Set(http1, fakenet.Always(fakenet.Status(500)))
		pass(9 * time.Second) // two failures
		changed := httpCheck()
		changed.Path, changed.Interval = "/ready", 10*time.Second
		l.offer(app, changed, addr1)
		pass(6 * time.Second) // one probe of the new check: with the two before it would be three
		assert.Equal(t, []string{"healthy: 2 of 2 succeeded"}, l.words(app, addr1))
		assert.Equal(t, gslb.Healthy, l.health(app, addr1), "rows are counted anew")
		pass(20 * time.Second)
		assert.Equal(t, gslb.Unhealthy, l.health(app, addr1))
	})
}

func TestAnAnswerToTheOldQuestionDoesNotCount(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Swallow)
		check := tcpCheck(1, 1)
		l.offer(app, check, addr1)
		pass(time.Second) // on its way since 0.5 s
		changed := *check
		changed.Rise = 2
		l.offer(app, &changed, addr1)
		l.net.Set(http1, fakenet.Always(fakenet.Accept))
		pass(10 * time.Second)
		assert.Equal(t, []string{"healthy: 2 of 2 succeeded"}, l.words(app, addr1))
		assert.False(t, l.net.Overlapped())
	})
}

func TestAnEntryThatGoesAndComesBackIsNeverAskedTwiceAtOnce(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Swallow)
		check := tcpCheck(1, 1)
		check.Timeout = 5 * time.Second
		for range 20 {
			l.offer(app, check, addr1)
			pass(700 * time.Millisecond)
			l.gone(app)
			pass(100 * time.Millisecond)
		}
		assert.False(t, l.net.Overlapped())
		l.offer(app, check, addr1)
		l.net.Set(http1, fakenet.Always(fakenet.Accept))
		pass(10 * time.Second)
		assert.Equal(t, gslb.Healthy, l.health(app, addr1))
	})
}

// TestVerdictsRespectRiseAndFall compares with the obvious: a verdict changes
// exactly when the last rise (or fall) outcomes were all the same.
func TestVerdictsRespectRiseAndFall(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		rise, fall, share := 1+r.IntN(4), 1+r.IntN(4), 0.1+0.8*r.Float64()
		var outcomes []bool
		virtual(t, nil, func(t *testing.T, l *lab) {
			l.net.Set(http1, func() (fakenet.Peer, error) {
				good := r.Float64() < share
				outcomes = append(outcomes, good)
				if good {
					return fakenet.Accept, nil
				}
				return fakenet.Refuse()
			})
			l.offer(app, tcpCheck(rise, fall), addr1)
			pass(10 * time.Minute)
			var got []gslb.Health
			for _, v := range l.told() {
				got = append(got, v.verdict.Health)
			}
			require.Greater(t, len(outcomes), 100)
			require.Equal(t, expected(outcomes, rise, fall), got, "seed %d, rise %d, fall %d", seed, rise, fall)
			require.False(t, l.net.Overlapped())
		})
	}
}

func expected(outcomes []bool, rise, fall int) []gslb.Health {
	var out []gslb.Health
	state := gslb.HealthUnknown
	for i := range outcomes {
		for _, c := range []struct {
			good bool
			row  int
			to   gslb.Health
		}{{true, rise, gslb.Healthy}, {false, fall, gslb.Unhealthy}} {
			row := 0
			for k := i; k >= 0 && outcomes[k] == c.good; k-- {
				row++
			}
			if row >= c.row && state != c.to {
				state = c.to
				out = append(out, state)
			}
		}
	}
	return out
}

func TestASquareWaveFasterThanRiseAndFallChangesNothing(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		var n atomic.Int64
		l.net.Set(http1, func() (fakenet.Peer, error) {
			if i := n.Add(1); i > 2 && i%2 == 0 {
				return fakenet.Refuse()
			}
			return fakenet.Accept, nil
		})
		check := tcpCheck(2, 2)
		check.Interval = time.Second
		l.offer(app, check, addr1)
		pass(5 * time.Minute)
		assert.Equal(t, []string{"healthy: 2 of 2 succeeded"}, l.words(app, addr1))
	})
}

func TestStoppingSaysNothingOfEntries(t *testing.T) {
	var l *lab
	virtual(t, nil, func(t *testing.T, inner *lab) {
		l = inner
		l.net.Set(http1, fakenet.Swallow)
		check := tcpCheck(1, 1)
		check.Interval, check.Timeout = time.Minute, time.Minute
		l.offer(app, check, addr1)
		pass(10 * time.Second)
		require.Len(t, l.net.Dials(http1), 1)
	})
	assert.Empty(t, l.told())
}
