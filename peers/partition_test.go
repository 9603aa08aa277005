// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
)

const app = "app.cloud.example.com"

var three = []gslb.GeoTag{"ap", "eu", "us"}

func TestDeadPeerIsLostAndBackWithinASecondOfItsReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(10 * time.Second)
		require.Equal(t, "fresh", eu.liveness("us"))

		w.kill(us)
		settle(3500 * time.Millisecond)
		assert.Equal(t, "doubtful", eu.liveness("us"))
		settle(1500 * time.Millisecond)
		assert.Equal(t, "lost", eu.liveness("us"), "lost within five seconds")
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "what it said last is kept as the last resort")

		settle(time.Minute)
		us = w.startAs("us-2", "us", two)
		us.offer(app, "198.51.100.2", gslb.Healthy)
		settle(time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"))
		assert.Equal(t, "198.51.100.2 healthy", eu.sees("us", app), "a new instance is read whole")
	})
}

func TestCutLinkHealsWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		settle(2 * time.Second)
		for _, cut := range []time.Duration{10 * time.Second, 61 * time.Second, 10*time.Minute + 300*time.Millisecond} {
			w.net.Cut("eu", "us")
			settle(cut)
			require.Equal(t, "lost", eu.liveness("us"))
			us.offer(app, "198.51.100.1", gslb.Unhealthy)
			w.net.Heal("eu", "us")
			settle(1100 * time.Millisecond)
			assert.Equalf(t, "fresh", eu.liveness("us"), "after %s", cut)
			assert.Equalf(t, "fresh", us.liveness("eu"), "after %s", cut)
			assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", app))
			us.withdraw(app)
			settle(time.Second)
		}
	})
}

// TestAPeerThatCallsIsReadAtOnce: when a link heals while a dial hangs, whose first packet
// was lost, the first call of the peer brings another dial.
func TestAPeerThatCallsIsReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		settle(2 * time.Second)
		for i := range 20 {
			w.net.Cut("eu", "us")
			settle(6*time.Second + time.Duration(i)*50*time.Millisecond)
			addr := fmt.Sprintf("198.51.100.%d", i+1)
			us.offer(app, addr, gslb.Healthy)
			w.net.Heal("eu", "us")
			for eu.liveness("us") != "fresh" {
				settle(5 * time.Millisecond)
			}
			settle(20 * time.Millisecond)
			require.Equalf(t, addr+" healthy", eu.sees("us", app), "healed %d ms later", i*50)
			settle(time.Second)
		}
	})
}

func TestThirdClusterPassesOnWhatItHearsFirstHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ap, eu, us := w.start("ap", three), w.start("eu", three), w.start("us", three)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(5 * time.Second)
		require.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))

		w.net.Cut("eu", "us")
		settle(6 * time.Second)
		assert.Equal(t, "vouched", eu.liveness("us"))
		assert.Equal(t, gslb.Witness{Kind: gslb.ThirdCluster, By: "ap"}, eu.store.World().Cluster("us").Witness)
		assert.Equal(t, "fresh", ap.liveness("us"))

		us.offer(app, "198.51.100.1", gslb.Unhealthy)
		settle(100 * time.Millisecond)
		assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", app), "a change must still arrive, through the third cluster")
		assert.Equal(t, "vouched", eu.liveness("us"), "a report that was passed on is no sign of life")

		w.kill(us)
		settle(10 * time.Second)
		assert.Equal(t, "lost", eu.liveness("us"), "nobody hears it any more, and no circle keeps it alive")
		assert.Equal(t, "lost", ap.liveness("us"))
	})
}

func TestClusterThatNobodyHereCanReachIsReadThroughAThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.net.Cut("eu", "us")
		// eu knows ap only; it learns of us by ap.
		eu := w.start("eu", []gslb.GeoTag{"ap"})
		w.start("ap", three)
		us := w.start("us", []gslb.GeoTag{"ap"})
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(8 * time.Second)
		assert.Equal(t, "vouched", eu.liveness("us"))
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))
	})
}

func TestBeingCalledIsEnoughToBeKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu := w.start("eu", nil) // knows nobody
		w.start("us", two)
		settle(5 * time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"))
	})
}

func TestOneWayCutKeepsBothFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		settle(2 * time.Second)
		w.net.Block("eu", "us")
		settle(20 * time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"), "us still calls eu")
		assert.Equal(t, "fresh", us.liveness("eu"), "eu still answers us")
		var status peers.Status
		for _, s := range eu.x.Peers() {
			status = s
		}
		assert.False(t, status.Direct)
		assert.Contains(t, status.Trouble, "no answer", "that its report cannot be read must be shown")
		unread := eu.store.World().Cluster("us").Unread
		assert.InDelta(t, 20, time.Since(unread).Seconds(), 2, "in the World as well, with the time since when")
		assert.Zero(t, us.store.World().Cluster("eu").Unread)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		w.net.Heal("eu", "us")
		settle(2 * time.Second)
		assert.Zero(t, eu.store.World().Cluster("us").Unread)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))
	})
}

func TestPeerThatCanOnlyCallUsIsReadThroughAThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start("ap", three)
		eu, us := w.start("eu", three), w.start("us", three)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(2 * time.Second)
		w.net.Block("eu", "us")
		settle(10 * time.Second)
		us.offer(app, "198.51.100.1", gslb.Unhealthy)
		settle(100 * time.Millisecond)
		assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", app), "fresh by its calls, current by ap")
		assert.Equal(t, "fresh", eu.liveness("us"))
		w.net.Heal("eu", "us")
		settle(5 * time.Second)
		assert.True(t, eu.x.Peers()[1].Direct)
	})
}

func TestZoneThatIsGoneIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(3 * time.Second)
		c := newClient(t, eu)
		assert.Equal(t, dns.RcodeSuccess, c.ask("_report.us.cloud.example.com.", dns.TypeSOA)[0].Rcode, "passed on while it is read")
		other := gslb.MustName("other.example.com")
		for _, x := range []*cluster{eu, us} {
			x.store.SetZones([]gslb.ZoneIntent{{Zone: other, EdgeZone: other.Parent()}})
		}
		settle(3 * time.Second)
		assert.Equal(t, dns.RcodeRefused, c.ask("_report.us.cloud.example.com.", dns.TypeSOA)[0].Rcode)
		assert.Equal(t, dns.RcodeSuccess, c.ask(reportZone, dns.TypeSOA)[0].Rcode, "ours goes on: see TestZoneThatIsServedNoMoreIsTold")
		assert.Equal(t, dns.RcodeSuccess, c.ask("_report.us.other.example.com.", dns.TypeSOA)[0].Rcode)
		assert.Equal(t, "fresh", eu.liveness("us"))
	})
}

func TestOneFrozenInstanceOfSeveralChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.startAs("us-a", "us", nil)
		b := w.startAs("us-b", "us", nil)
		eu := w.start("eu", two)
		settle(3 * time.Second)
		require.Equal(t, "fresh", eu.liveness("us"))
		w.net.Freeze("us-a")
		for range 40 {
			settle(500 * time.Millisecond)
			require.Equal(t, "fresh", eu.liveness("us"), "the second connection must go on")
		}
		b.offer(app, "198.51.100.1", gslb.Healthy)
		b.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 2 })
		settle(100 * time.Millisecond)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))
	})
}

// TestOneBlindInstanceOfSeveralChangesNothing: behind one address one instance reads its
// objects and the other cannot any more, and goes on with what it knew.
func TestOneBlindInstanceOfSeveralChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sees, blind := w.startAs("us-a", "us", nil), w.startAs("us-b", "us", nil)
		eu := w.start("eu", two)
		for _, c := range []*cluster{sees, blind} {
			c.offer(app, "198.51.100.1", gslb.Healthy)
			c.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 7 })
		}
		settle(3 * time.Second)
		blind.store.UpdateLocal(func(l *gslb.LocalState) { l.Blind = time.Now() })
		settle(3 * time.Second)
		sees.offer(app, "198.51.100.2", gslb.Healthy)
		sees.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 8 })
		for range 30 {
			settle(500 * time.Millisecond)
			require.Equal(t, "198.51.100.2 healthy", eu.sees("us", app))
			require.Zero(t, eu.store.World().Cluster("us").Blind, "the cluster sees, by one of its instances")
		}
		w.net.Freeze("us-a")
		settle(30 * time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"))
		assert.NotZero(t, eu.store.World().Cluster("us").Blind, "the blind one is all that is left, and says so")
	})
}

func TestTwoInstancesBehindOneAddressAreBothRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.startAs("us-a", "us", nil), w.startAs("us-b", "us", nil)
		eu := w.start("eu", two)
		for _, c := range []*cluster{a, b} {
			c.offer(app, "198.51.100.1", gslb.Healthy)
		}
		settle(3 * time.Second)
		a.offer(app, "198.51.100.1", gslb.Unhealthy)
		a.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 7 })
		settle(50 * time.Millisecond)
		assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", app), "the more knowing instance is believed")
		settle(30 * time.Second)
		assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", app), "the less knowing one never replaces it")
		b.offer(app, "198.51.100.1", gslb.Healthy)
		b.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 9 })
		settle(50 * time.Millisecond)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))
		assert.Zero(t, eu.logs.with("level=WARN", "report is not taken"), eu.logs)
	})
}

func TestAnnouncedRestartAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(3 * time.Second)

		require.NoError(t, us.x.Announce(t.Context(), gslb.Pausing))
		w.kill(us)
		settle(30 * time.Second)
		assert.Equal(t, "vouched", eu.liveness("us"))
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app))

		us = w.startAs("us-2", "us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(5 * time.Second)
		require.Equal(t, "fresh", eu.liveness("us"))
		require.NoError(t, us.x.Announce(t.Context(), gslb.Leaving))
		w.kill(us)
		settle(50 * time.Millisecond)
		assert.Equal(t, "left", eu.liveness("us"))
		assert.Empty(t, eu.sees("us", app), "its offers go at once")
	})
}

func TestClusterThatHasNotReadItsObjectsSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(3 * time.Second)
		w.kill(us)
		us = w.startAs("us-2", "us", two)
		us.store.SetLocal(gslb.LocalState{}) // the new instance has not read its objects
		settle(2500 * time.Millisecond)
		assert.Equal(t, "fresh", eu.liveness("us"), "it lives")
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "an empty report would have emptied the host")
	})
}
