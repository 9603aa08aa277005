// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/explain"
)

// A host in no zone of ours is REFUSED on the wire; explain says it is answered.
func TestHostOutsideEveryZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "x"})
		require.NoError(t, err)
		z := gslb.MustName("cloud.example.com")
		s.SetZones([]gslb.ZoneIntent{{Zone: z, EdgeZone: z.Parent()}})
		h := gslb.MustName("app.example.org")
		src := gslb.Source{Kind: "Gslb", Namespace: "d", Name: "n"}
		s.SetObject(src, []*gslb.Offer{{Host: h, Source: src, Policy: gslb.Policy{Strategy: gslb.RoundRobin}, Entries: []gslb.Entry{{Addr: netip.MustParseAddr("192.0.2.1"), Health: gslb.Healthy}}}})
		s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
		done := make(chan error)
		go func() { done <- s.Run(t.Context()) }()
		t.Cleanup(func() { <-done })
		time.Sleep(100 * time.Millisecond)
		x, err := explain.Of(s.World(), h, netip.Addr{})
		assert.ErrorContains(t, err, "lies in no zone", "%+v", x)
	})
}
