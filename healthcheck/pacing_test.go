// SPDX-License-Identifier: Apache-2.0

package healthcheck_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

func TestIntervalAndJitter(t *testing.T) {
	cases := []struct {
		name     string
		interval time.Duration
		random   func() float64
		least    time.Duration
		most     time.Duration
	}{
		{"as written", 10 * time.Second, half, 10 * time.Second, 10 * time.Second},
		{"varied by a tenth", 10 * time.Second, rand.New(rand.NewPCG(1, 2)).Float64, 9 * time.Second, 11 * time.Second},
		{"never below a second", time.Second, func() float64 { return 0 }, time.Second, time.Second},
		{"less than a second is a second", 10 * time.Millisecond, half, time.Second, time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(cfg *healthcheck.Config) { cfg.Random = c.random }, func(t *testing.T, l *lab) {
				l.net.Set(http1, fakenet.Always(fakenet.Accept))
				check := tcpCheck(1, 1)
				check.Interval = c.interval
				l.offer(app, check, addr1)
				pass(5 * time.Minute)
				dials := l.net.Dials(http1)
				require.Greater(t, len(dials), 20)
				distinct := make(map[time.Duration]bool)
				for i := 1; i < len(dials); i++ {
					gap := dials[i].At.Sub(dials[i-1].At)
					assert.GreaterOrEqual(t, gap, c.least)
					assert.LessOrEqual(t, gap, c.most)
					distinct[gap] = true
				}
				assert.Equal(t, c.least == c.most, len(distinct) == 1)
			})
		})
	}
}

func TestFirstProbesAreSpread(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	virtual(t, func(cfg *healthcheck.Config) { cfg.Random = r.Float64 }, func(t *testing.T, l *lab) {
		for i := range 200 {
			l.offer(gslb.MustName(fmt.Sprintf("h%d.cloud.example.com", i)), tcpCheck(1, 1), addr1)
		}
		l.net.Set(http1, fakenet.Always(fakenet.Accept))
		pass(2 * time.Second)
		perTenth := make(map[int]int)
		for _, d := range l.net.Dials(http1) {
			perTenth[int(d.At.Sub(l.start)/(100*time.Millisecond))]++
		}
		for tenth, n := range perTenth {
			assert.Less(t, n, 60, "at %d00 ms: 20 are expected", tenth)
		}
		assert.Equal(t, 200, l.net.Count(), "and each was asked once within a second")
	})
}

func TestATimeoutIsAFailureAndTakesItsTimeOnly(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		l.net.Set(http1, fakenet.Swallow)
		check := httpCheck()
		check.Timeout = 2 * time.Second
		l.offer(app, check, addr1)
		pass(30 * time.Second)
		assert.Equal(t, []string{"unhealthy: 3 of 3 failed: connect: no answer in time"}, l.words(app, addr1))
		dials := l.net.Dials(http1)
		assert.Equal(t, 2*time.Second, dials[1].At.Sub(dials[0].At), "undecided: the next follows the timeout")
		assert.Equal(t, 5*time.Second, dials[4].At.Sub(dials[3].At), "decided: the interval")
		assert.False(t, l.net.Overlapped())
	})
}
