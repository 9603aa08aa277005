// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers"
)

func TestAnotherInstanceBehindTheAddressIsMetInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.startAs("us-a", "us", nil)
		a.offer(app, "198.51.100.1", gslb.Healthy)
		eu := w.start("eu", two)
		settle(3 * time.Second)
		b := w.startAs("us-b", "us", nil)
		b.offer(app, "198.51.100.1", gslb.Unhealthy)
		b.store.UpdateLocal(func(l *gslb.LocalState) { l.Mark = 7 })
		settle(5 * time.Second)
		assert.Equal(t, "198.51.100.1 healthy", eu.sees("us", app), "both connections end at the one that stands still")
		settle(time.Minute)
		assert.Equal(t, "198.51.100.1 unhealthy", eu.sees("us", app), "one of them was replaced, and met the other")
		assert.Zero(t, eu.logs.with("peer cannot be read"), "and nothing was interrupted for that:\n%s", eu.logs)
		assert.Equal(t, "fresh", eu.liveness("us"))
	})
}

func TestAConnectionStaysWhereNoneTakesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		us := w.start("us", nil)
		eu := w.start("eu", two)
		settle(3 * time.Second)
		w.net.Add("us:53", "nobody", silent{})
		us.offer(app, "198.51.100.1", gslb.Healthy)
		settle(10 * time.Minute)
		assert.GreaterOrEqual(t, eu.x.Peers()[0].Connections, 2, "a new one that says nothing does not end one that does")
		assert.Equal(t, "fresh", eu.liveness("us"))
		assert.Zero(t, eu.logs.with("peer cannot be read"), eu.logs)
	})
}

// silent takes questions and never answers.
type silent struct{}

func (silent) ServeSlow(ctx context.Context, _ []byte, _ netip.AddrPort, _ bool, _ func([]byte) error) bool {
	<-ctx.Done()
	return true
}

func TestACallerTellsWhereItIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		addr := netip.MustParseAddr("203.0.113.7")
		eu := w.start("eu", two)
		w.net.Add("203.0.113.7:53", "eu", eu.x)
		eu.offer(app, "192.0.2.1", gslb.Healthy)
		us := w.start("us", nil, func(c *peers.Config) {
			c.Discover = func(context.Context, gslb.Zone) ([]gslb.NameServer, error) { return nil, nil }
		})
		settle(3 * time.Second)
		assert.Equal(t, "fresh", us.liveness("eu"))
		assert.Equal(t, "no address of it is known", us.x.Peers()[0].Trouble, "it called, and does not know where it is called itself")
		eu.store.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: zone.Parent(), NegTTL: 30, Addrs: []netip.Addr{addr}}})
		settle(3 * time.Second)
		assert.Equal(t, "192.0.2.1 healthy", us.sees("eu", app))
		assert.Equal(t, []string{"203.0.113.7:53"}, us.x.Peers()[0].Addresses)
		assert.True(t, us.x.Peers()[0].Direct)
	})
}
