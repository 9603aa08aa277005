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

// A name with static records is no host, and is not told to be unknown.
func TestStaticRecordsAreNamed(t *testing.T) {
	zone := gslb.Zone{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com")}}
	www := gslb.MustName("www.cloud.example.com")
	zone.Static = &gslb.Records{Sets: []gslb.RecordSet{
		{Name: www, Type: 1, Data: []string{"192.0.2.1", "192.0.2.2"}, Clusters: []gslb.GeoTag{"eu", "us"}},
		{Name: www, Type: 65400, Data: []string{`\# 0`}, Clusters: []gslb.GeoTag{"eu"}},
	}}
	_, err := explain.Of(&gslb.World{Ready: true, Zones: []gslb.Zone{zone}}, www, netip.Addr{})
	assert.EqualError(t, err, "www.cloud.example.com is no host; static records stand there and are answered as they are: A (2, from eu, us), TYPE65400 (1, from eu)")
	_, err = explain.Of(&gslb.World{Ready: true, Zones: []gslb.Zone{zone}}, gslb.MustName("x.cloud.example.com"), netip.Addr{})
	assert.ErrorContains(t, err, "no cluster offers x.cloud.example.com: apply a Gslb or annotate an Ingress with that host; where there is one, its conditions say what is wrong")
}
