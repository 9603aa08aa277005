// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

var (
	innerZone  = gslb.MustName("in.cloud.example.com")
	secondZone = gslb.MustName("second.example.com")
)

// serve gives a cluster its zones.
func (c *cluster) serve(zones ...gslb.Name) {
	intents := make([]gslb.ZoneIntent, len(zones))
	for i, z := range zones {
		intents[i] = gslb.ZoneIntent{Zone: z, EdgeZone: z.Parent(), NegTTL: 30}
	}
	c.store.SetZones(intents)
}

// TestNestedZoneIsMadeInOneClusterAfterTheOther: in whatever order, every cluster knows the
// hosts of all at every moment, as resolvers ask any of them.
func TestNestedZoneIsMadeInOneClusterAfterTheOther(t *testing.T) {
	const host = "app.in.cloud.example.com"
	for _, c := range []struct {
		why    string
		eu, us []gslb.Name // at each step
	}{
		{"the one that offers first", []gslb.Name{zone, innerZone}, []gslb.Name{zone}},
		{"the other first", []gslb.Name{zone}, []gslb.Name{zone, innerZone}},
		{"both", []gslb.Name{zone, innerZone}, []gslb.Name{zone, innerZone}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			eu, us := w.start("eu", two), w.start("us", two)
			eu.offer(host, "192.0.2.1", gslb.Healthy)
			settle(2 * time.Second)
			require.Equal(t, "192.0.2.1 healthy", us.sees("eu", host), us.logs)
			us.seesAlways(t, host, func() { eu.serve(c.eu...); us.serve(c.us...) }, c.why)

			eu.offer(host, "192.0.2.1", gslb.Unhealthy)
			settle(time.Second)
			assert.Equal(t, "192.0.2.1 unhealthy", us.sees("eu", host), c.why)
			eu.offer(host, "192.0.2.2", gslb.Healthy)
			settle(time.Second)
			assert.Equal(t, "192.0.2.2 healthy", us.sees("eu", host), c.why)

			us.seesAlways(t, host, func() { eu.serve(zone) }, c.why+", and it goes")
			eu.offer(host, "192.0.2.3", gslb.Healthy)
			settle(2 * time.Second)
			assert.Equal(t, "192.0.2.3 healthy", us.sees("eu", host), c.why+", and it went")
			eu.withdraw(host)
			settle(2 * time.Second)
			assert.Empty(t, us.sees("eu", host), c.why)
			eu.stop()
			us.stop()
		})
	}
}

// seesAlways does something, and asserts that every World of the next seconds has the host.
func (c *cluster) seesAlways(t *testing.T, host string, do func(), why string) {
	t.Helper()
	do()
	for range 400 {
		settle(10 * time.Millisecond)
		require.NotEmpty(t, c.sees("eu", host), why)
	}
}

// TestZoneThatIsServedNoMoreIsTold: who serves it on would else believe for ever what was
// said last.
func TestZoneThatIsServedNoMoreIsTold(t *testing.T) {
	const host = "app.second.example.com"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		eu, us := w.start("eu", two), w.start("us", two)
		eu.serve(zone, secondZone)
		us.serve(zone, secondZone)
		eu.offer(host, "192.0.2.1", gslb.Healthy)
		settle(3 * time.Second)
		require.Equal(t, "192.0.2.1 healthy", us.sees("eu", host), us.logs)

		us.seesAlways(t, host, func() { eu.serve(zone) }, "it may come back")
		eu.offer(host, "192.0.2.2", gslb.Healthy)
		eu.serve(zone, secondZone)
		settle(2 * time.Second)
		assert.Equal(t, "192.0.2.2 healthy", us.sees("eu", host), "it came back")

		eu.serve(zone)
		settle(2 * time.Minute)
		assert.Empty(t, us.sees("eu", host))
		assert.Equal(t, "fresh", us.liveness("eu"))
		assert.Equal(t, "fresh", eu.liveness("us"))

		eu.serve(zone, secondZone)
		settle(2 * time.Second)
		assert.Equal(t, "192.0.2.2 healthy", us.sees("eu", host), "it came back late")
		eu.stop()
		us.stop()
	})
}
