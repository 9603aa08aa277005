// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// TestEventsTellTheStoryOfAFailover: what happens to clusters, answers and the edge can
// be read in kubectl describe, on a real API server.
func TestEventsTellTheStoryOfAFailover(t *testing.T) {
	k := newKeeper()
	s := newSite(t, server, withKeeper(k))
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	zd := zoneDelegation("story", "story.example.org")
	delegation(t, s.api, zd)
	g := referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})
	g.Spec.Strategy.Type, g.Spec.Strategy.PrimaryGeoTag = gslbv1beta1.Failover, "us"
	require.NoError(t, s.api.Create(t.Context(), g))
	s.answers("shop.cloud.example.com", "192.0.2.1")
	s.told("Gslb", ns, "shop", "shop.cloud.example.com: no address → 192.0.2.1") // before the next answer

	host := gslb.MustName("shop.cloud.example.com")
	require.NoError(t, s.store.SetReport(&gslb.Report{
		Cluster: "us", ClusterID: "id-us", Instance: "a", Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com"),
		Offers: map[gslb.Name]*gslb.Offer{host: {
			Host: host, Source: gslb.Source{Kind: "Gslb", Namespace: ns, Name: "shop"}, Created: time.Now(),
			Policy:  gslb.Policy{Strategy: gslb.Failover, Primary: "us", TTL: 5},
			Entries: addressesUp("198.51.100.1"),
		}},
	}))
	s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
	s.answers("shop.cloud.example.com", "198.51.100.1")
	s.told("Gslb", ns, "shop", "Normal FailedBack shop.cloud.example.com: 192.0.2.1 → 198.51.100.1")
	s.told("Gslb", ns, "shop", "Warning SpecDiverged")

	// us is silent from here on.
	s.told("Gslb", ns, "shop", "Warning FailedOver shop.cloud.example.com: 198.51.100.1 → 192.0.2.1")
	s.told("Gslb", ns, "shop", "Warning ClusterLost cluster us")
	s.told("ZoneDelegation", "default", "story", "Warning ClusterLost cluster us")

	s.store.Sight(gslb.Sighting{Kind: gslb.Heard, Of: "us", Instance: "a", At: time.Now()})
	s.told("Gslb", ns, "shop", "Normal ClusterHeard cluster us is back")
	s.told("ZoneDelegation", "default", "story", "Normal ClusterHeard cluster us is back")

	zone := edge.ZoneStatus{Zone: gslb.MustName("story.example.org"), EdgeZone: gslb.MustName("example.org")}
	refused, fine := zone, zone
	refused.Reason, refused.RCODE, refused.Message = edge.ReasonRefused, "REFUSED", "192.0.2.53 refused the update"
	fine.OK, fine.Reason = true, edge.ReasonDelegated
	k.set(refused)
	s.told("ZoneDelegation", "default", "story", "Warning UpdateRefused 192.0.2.53 refused the update (REFUSED)")
	k.set(fine)
	s.told("ZoneDelegation", "default", "story", "Normal EdgeRepaired")

	younger := referring(ns, "younger", gslbv1beta1.ResourceRef{Name: "web"})
	younger.CreationTimestamp = metav1.Time{}
	require.NoError(t, s.api.Create(t.Context(), younger))
	events := s.conflicts(ns, "shop", "younger")
	assert.NotEmpty(t, events)
}

// conflicts waits until one of two objects that have one host tells of it.
func (s *site) conflicts(ns string, names ...string) []string {
	s.t.Helper()
	var all []string
	eventually(s.t, func() error {
		all = nil
		for _, name := range names {
			all = append(all, slices.DeleteFunc(s.events("Gslb", ns, name), func(e string) bool { return !strings.HasPrefix(e, "Warning HostConflicted") })...)
		}
		if len(all) == 0 {
			return notYet("nobody tells of the conflict")
		}
		return nil
	})
	return all
}

// told waits for an event about an object.
func (s *site) told(kind, ns, name, want string) {
	s.t.Helper()
	eventually(s.t, func() error {
		if events := s.events(kind, ns, name); !containing(events, want) {
			return notYet("events of %s are %q, without %q", name, events, want)
		}
		return nil
	})
}

func addressesUp(addrs ...string) []gslb.Entry {
	var all []gslb.Entry
	for _, a := range addrs {
		all = append(all, gslb.Entry{Addr: netip.MustParseAddr(a), Health: gslb.Healthy, Reason: gslb.ReasonReady})
	}
	return all
}
