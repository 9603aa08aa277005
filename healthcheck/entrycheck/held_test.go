// SPDX-License-Identifier: Apache-2.0

package entrycheck_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/healthcheck/internal/fakenet"
)

// TestWhatAHeardClusterHoldsIsAskedAndTold: the second vantage of a cluster whose probes
// all fail at once.
func TestWhatAHeardClusterHoldsIsAskedAndTold(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		offers := map[gslb.Name][]gslb.Entry{}
		answering := map[string]int{}
		for i, h := range hosts(6) {
			e, e2 := entry(addr1), entry(addr2)
			e.Reason, e2.Reason = gslb.ReasonProbesHeld, gslb.ReasonReady
			offers[h] = []gslb.Entry{e, e2}
			if i < 2 {
				answering[h.String()] = 200
			} else {
				answering[h.String()] = 503
			}
		}
		l.net.Set(http1, fakenet.Always(fakenet.ByHost(answering)))
		l.report(t, "us", offers)
		pass(20 * time.Second)
		assert.Equal(t, []gslb.Asked{{Cluster: "us", Answered: 2, Silent: 4}}, l.World().Asked)
		assert.Equal(t, gslb.TierHealthy, l.tier(hosts(6)[5], "us"), "it is for us to judge")
		assert.Empty(t, l.net.Dials("198.51.100.2:80"), "what is not held is not asked")
		assert.Empty(t, l.sightings(), "nobody is vouched for")

		released := map[gslb.Name][]gslb.Entry{}
		for _, h := range hosts(6) {
			released[h] = []gslb.Entry{entry(addr1)}
		}
		l.silence("us")
		l.report(t, "us", released)
		pass(time.Second)
		asked := l.net.Count()
		pass(time.Minute)
		assert.Empty(t, l.World().Asked)
		assert.Equal(t, asked, l.net.Count(), "what is held no more is not asked")
	})
}

func TestAnAddressThatAnotherClusterOffersIsNoSecondVantage(t *testing.T) {
	virtual(t, nil, func(t *testing.T, l *lab) {
		held := entry(addr1)
		held.Reason = gslb.ReasonProbesHeld
		l.report(t, "us", map[gslb.Name][]gslb.Entry{app: {held}})
		l.report(t, "ap", map[gslb.Name][]gslb.Entry{app: {entry(addr1)}})
		pass(time.Minute)
		assert.LessOrEqual(t, l.net.Count(), 2, "but for what was asked before ap spoke")
		assert.Empty(t, l.World().Asked)
	})
}
