// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	model "github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/internal/bindtest"
	"github.com/meridian-gslb/meridian/internal/k8gbtest"
)

// startK8gb runs a cluster that runs k8gb at the n-th address, with its name server in
// BIND's zone, as its ExternalDNS would have put it there.
func (s *site) startK8gb(b *bindtest.Server, tag model.GeoTag, n int, neighbours map[model.GeoTag]string) *k8gbtest.Cluster {
	s.t.Helper()
	zone, edge := model.MustName("cloud.example.com"), model.MustName("example.com")
	k := k8gbtest.New(k8gbtest.Config{
		Tag: tag, Zone: zone, Edge: edge, Neighbours: neighbours, Dial: (&net.Dialer{}).DialContext, Poll: time.Second,
	})
	pc, err := (&net.ListenConfig{}).ListenPacket(s.t.Context(), "udp", s.lab.At(n))
	require.NoError(s.t, err)
	l, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", s.lab.At(n))
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{}, 2)
	go func() { k8gbtest.ServeOn(ctx, k, pc, l); done <- struct{}{} }()
	go func() { k.Run(ctx); done <- struct{}{} }()
	s.t.Cleanup(func() { cancel(); <-done; <-done })
	ns, err := model.NameServerName(tag, zone, edge)
	require.NoError(s.t, err)
	_, err = b.NSUpdate(bindtest.Key{Name: "admin", Secret: []byte(strings.Repeat("a", 32))},
		fmt.Sprintf("update add %s 300 NS %s", zone.FQDN(), ns.FQDN()), fmt.Sprintf("update add %s 300 A %s", ns.FQDN(), s.lab.Addr(n)))
	require.NoError(s.t, err)
	return k
}

// ofK8gb is a Gslb as k8gb's users have it.
func ofK8gb(manifest string) string {
	return strings.Replace(manifest, "gslb.meridian.dev/v1beta1", "k8gb.io/v1beta1", 1)
}

// TestMixedZoneBehindBIND: a cluster that runs k8gb and ours serve one zone, each by
// what the other tells.
func TestMixedZoneBehindBIND(t *testing.T) {
	s := newSite(t)
	b := s.startBIND("eu")
	eu := s.cluster("eu", 11)
	us := s.startK8gb(b, "us", 12, map[model.GeoTag]string{"eu": s.lab.At(11)})
	us1 := s.lab.Addr(121).String()
	us.Set(model.MustName(rr), k8gbtest.Host{Strategy: model.RoundRobin, TTL: 5, Addrs: []string{us1}})
	us.Set(model.MustName(fail), k8gbtest.Host{Strategy: model.Failover, Primary: "us", TTL: 5, Addrs: []string{us1}})
	if s.lab.NeedsPorts() {
		eu.extra = []string{"--k8gb-peers", "us=" + s.lab.At(12)}
	}
	eu.write(ofK8gb(gslb("roundrobin", rr, "roundRobin", "")), ofK8gb(gslb("failover", fail, "failover", "primaryGeoTag: us")))
	eu.start()
	own, both := s.addrs(111, 112), s.addrs(111, 112, 121)
	answers := func(host, weSay, k8gbSays, when string) {
		s.await(eu.at(), host, weSay)
		s.until("k8gb answers "+host+", "+when, func() bool { return strings.Join(us.Addrs(model.MustName(host)), " ") == k8gbSays })
	}
	answers(rr, both, both, "both healthy")
	answers(fail, us1, us1, "both healthy")
	got := strings.Fields(bindtest.Dig(t, "@"+s.lab.Addr(11).String(), "-p", fmt.Sprint(s.lab.Port), "localtargets-"+rr, "A", "+short"))
	slices.Sort(got)
	assert.Equal(t, own, strings.Join(got, " "), "what k8gb asks us for")

	t.Log("applications come and go")
	us.SetAddrs(model.MustName(fail))
	answers(fail, own, own, "its application down")
	us.SetAddrs(model.MustName(fail), us1)
	answers(fail, us1, us1, "up again")
	eu.ready(false)
	answers(rr, us1, us1, "our application down")
	eu.ready(true)
	answers(rr, both, both, "up again")

	t.Log("the process of k8gb dies")
	us.Kill()
	s.await(eu.at(), fail, own)
	s.until("us is lost", func() bool { return eu.liveness("us") == "lost" })
	us.Start()
	answers(fail, us1, us1, "back")

	t.Log("and what it has at the edge stands")
	zone := strings.Join(known(b), "\n")
	for _, want := range []string{"NS gslb-ns-us-cloud.example.com.", "NS gslb-ns-eu-cloud.example.com.", "gslb-ns-us-cloud.example.com. 300 IN A " + s.lab.Addr(12).String()} {
		assert.Contains(t, zone, want)
	}
}
