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

var (
	zone = gslb.MustName("cloud.example.com")
	edge = gslb.MustName("example.com")
	app  = gslb.MustName("app.cloud.example.com")
)

// store runs a Store of cluster eu that serves the zone, in a synctest bubble.
func store(t *testing.T) *gslb.Store {
	t.Helper()
	s, err := gslb.NewStore(gslb.Config{Self: "eu", ClusterID: "id-eu"})
	require.NoError(t, err)
	s.SetZones([]gslb.ZoneIntent{{Zone: zone, EdgeZone: edge, NegTTL: 30}})
	s.UpdateLocal(func(l *gslb.LocalState) { l.Synced = true })
	return s
}

func run(t *testing.T, s *gslb.Store) {
	t.Helper()
	done := make(chan error)
	go func() { done <- s.Run(t.Context()) }()
	t.Cleanup(func() { assert.NoError(t, <-done) })
}

func settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

func offer(host gslb.Name, name string, created int, addrs ...string) *gslb.Offer {
	o := &gslb.Offer{
		Host: host, Source: gslb.Source{Kind: "Gslb", Namespace: "default", Name: name},
		Created: at(float64(created)), Policy: gslb.Policy{Strategy: gslb.RoundRobin, TTL: 30},
	}
	for _, a := range addrs {
		o.Entries = append(o.Entries, gslb.Entry{Addr: netip.MustParseAddr(a), Health: gslb.Healthy, Reason: gslb.ReasonReady})
	}
	return o
}

func report(tag gslb.GeoTag, instance string, mark uint64, offers ...*gslb.Offer) *gslb.Report {
	r := &gslb.Report{
		Cluster: tag, ClusterID: "id-" + string(tag), Instance: instance, Zone: zone, EdgeZone: edge, Mark: mark,
		Hears: []gslb.GeoTag{"eu"}, Offers: map[gslb.Name]*gslb.Offer{},
		NameServers: []gslb.NameServer{{Cluster: tag, Name: gslb.MustName("gslb-ns-" + string(tag) + "-cloud.example.com")}},
	}
	for _, o := range offers {
		r.Offers[o.Host] = o
	}
	return r
}

func addrs(h *gslb.Host, c gslb.GeoTag) []string {
	if h == nil || h.Part(c) == nil {
		return nil
	}
	var out []string
	for _, e := range h.Part(c).Entries {
		out = append(out, fmt.Sprintf("%s/%d", e.Addr, e.Tier))
	}
	return out
}

func read(t *testing.T, s *gslb.Store) {
	t.Helper()
	require.NoError(t, s.SetReport(report("us", "i1", 1, offer(app, "app", 1, "198.51.100.1"))))
	heard(s, "us")
}

func heard(s *gslb.Store, tag gslb.GeoTag) {
	s.Sight(gslb.Sighting{Kind: gslb.Heard, Of: tag, Instance: "i1", At: time.Now()})
}
