// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/peers/peerstest"
)

func TestAClusterThatRunsSomethingElseIsNotCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		us := peerstest.NewFakePeer("us", "fake", sharedKey().Key)
		r := usReport(1, "198.51.100.1")
		r.NameServers = []gslb.NameServer{{Cluster: "us", Name: gslb.MustName("gslb-ns-us-cloud.example.com"), Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.9")}}}
		require.NoError(t, us.Say(zoneText(t, r)))
		w.net.Add("198.51.100.9:53", "us", us)
		eu := w.start("eu", nil)
		eu.x.SetForeign("us", true)
		require.NoError(t, eu.store.SetReport(r))
		settle(5 * time.Second)
		assert.Equal(t, "lost", eu.liveness("us"), "nobody calls it")
		status := eu.x.Peers()
		require.Len(t, status, 1)
		assert.Empty(t, status[0].Addresses)
		assert.Equal(t, "it runs k8gb, and is asked as one", status[0].Trouble)

		eu.x.SetForeign("us", false)
		settle(time.Second)
		assert.Equal(t, "fresh", eu.liveness("us"))
	})
}
