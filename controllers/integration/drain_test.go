// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// TestAnIngressWhoseAddressChangesIsMadeBeforeItIsBroken: it changes, goes empty, turns
// into a host name that nobody knows and then one that has an address, and there is never
// no answer.
func TestAnIngressWhoseAddressChangesIsMadeBeforeItIsBroken(t *testing.T) {
	var watching atomic.Bool
	var empty atomic.Int32
	s := newSite(t, server, withBalancers, func(c *controllers.Config) {
		c.AsksDraining = true
		c.Store.(*gslb.Store).OnWorld(func(w *gslb.World) { // every one that there ever is
			h := w.Host(gslb.MustName("shop.cloud.example.com"))
			if !watching.Load() {
				return
			}
			if h == nil {
				empty.Add(1)
			} else if d := strategies.Decide(h); len(d.Addrs()) == 0 {
				empty.Add(1)
			}
		})
	})
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ing := ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	g := referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})
	ttl := int32(120)
	g.Spec.Strategy.DNSTTLSeconds = &ttl
	require.NoError(t, s.api.Create(t.Context(), g))
	s.answers("shop.cloud.example.com", "192.0.2.1")
	watching.Store(true)
	probe := func(addr string, h gslb.Health) {
		s.store.SetVerdict(gslb.Verdict{Host: gslb.MustName("shop.cloud.example.com"), Addr: netip.MustParseAddr(addr), Health: h})
	}

	setAddresses(t, s.api, ing, "192.0.2.2")
	s.answers("shop.cloud.example.com", "192.0.2.1", "192.0.2.2")
	probe("192.0.2.1", gslb.Unhealthy)
	s.answers("shop.cloud.example.com", "192.0.2.2")
	probe("192.0.2.1", gslb.Healthy)
	s.answers("shop.cloud.example.com", "192.0.2.1", "192.0.2.2")

	setAddresses(t, s.api, ing)
	relabel(t, s.api, ing, "emptied")
	s.answers("shop.cloud.example.com", "192.0.2.1", "192.0.2.2")
	eventually(t, func() error { // and the status says that it is so, and how long
		if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(g), g); err != nil {
			return err
		}
		resolved := meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved)
		if resolved == nil || !strings.Contains(resolved.Message, "the status of Ingress "+ns+"/web is empty; what it had last counts until 2") || !strings.HasSuffix(resolved.Message, " UTC: 192.0.2.2") {
			return notYet("condition Resolved is %+v", resolved)
		}
		return nil
	})

	named := func(balancer string) {
		eventually(t, func() error {
			if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing); err != nil {
				return err
			}
			ing.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{Hostname: balancer}}
			return s.api.Status().Update(t.Context(), ing)
		})
	}
	named("lb.invalid")
	relabel(t, s.api, ing, "named")
	s.answers("shop.cloud.example.com", "192.0.2.1", "192.0.2.2")
	named("lb-1.example.net")
	s.answers("shop.cloud.example.com", "192.0.2.1", "192.0.2.2", "192.0.2.71")
	probe("192.0.2.1", gslb.Unhealthy)
	s.answers("shop.cloud.example.com", "192.0.2.2", "192.0.2.71")
	probe("192.0.2.1", gslb.Healthy)

	assert.Zero(t, empty.Load(), "Worlds in which nothing is answered")
	watching.Store(false)
	setReady(t, s.api, ns, "shop", false)
	s.answers("shop.cloud.example.com")
	setReady(t, s.api, ns, "shop", true)
	setAddresses(t, s.api, ing, "192.0.2.3")
	probe("192.0.2.1", gslb.Unhealthy)
	probe("192.0.2.2", gslb.Unhealthy)
	probe("192.0.2.71", gslb.Unhealthy)
	s.answers("shop.cloud.example.com", "192.0.2.3")
}
