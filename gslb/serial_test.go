// SPDX-License-Identifier: Apache-2.0

package gslb_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meridian-gslb/meridian/gslb"
)

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
