// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// The checks M of docs/neighbours.md: Karmada propagates one Gslb to all members, and Istio
// reaches the backends of others through gateways between clusters.

// propagatedGslb embeds its Ingress, which Karmada propagates too.
const propagatedGslb = `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata: {namespace: $NS, name: podinfo, annotations: {work.karmada.io/name: podinfo-gslb}, finalizers: [members.example.com/keep]}
spec:
  ingress:
    rules:
    - host: $HOST
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: podinfo, port: {number: 80}}}}]}
  strategy: {type: roundRobin}`

func TestM1SameGslbInTwoMembersIsNeverWrittenBack(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("m1")
	in := map[*site]string{}
	for s, addr := range map[*site]string{eu: "192.0.2.1", us: "192.0.2.2"} {
		in[s] = s.inNamespace(host, aService, readySlice, anIngress("work.karmada.io/name: podinfo-1", "podinfo", "{ip: "+addr+"}"), propagatedGslb)
	}
	for s, ns := range in {
		s.answers(host, "192.0.2.1", "192.0.2.2")
		g := s.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterHealthy })
		assert.Equal(t, string(s.store.World().Self), g.Status.GeoTag, "the geo tag is that of the controller")
		s.condition(ns, "podinfo", gslbv1beta1.ConditionResolved, metav1.ConditionTrue, gslbv1beta1.ReasonIngressManagedElsewhere)
		eventually(t, func() error {
			if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(g), g); err != nil {
				return err
			}
			if len(g.Status.Clusters) != 2 || len(g.Status.HealthyRecords[host]) != 2 {
				return notYet("the status is %+v", g.Status)
			}
			return nil
		})
	}
	for s, ns := range in {
		for _, write := range s.writesIn(ns) {
			assert.Regexp(t, `/gslbs/podinfo/status$`, write, "nothing is written but the status")
		}
		g := &gslbv1beta1.Gslb{}
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, g))
		assert.Equal(t, int64(1), g.Generation, "the spec is as it was applied")
		assert.Equal(t, map[string]string{"work.karmada.io/name": "podinfo-gslb"}, g.Annotations)
		assert.Equal(t, []string{"members.example.com/keep"}, g.Finalizers)
		assert.NotEmpty(t, fieldsOf(g), "it wrote the status")
		for _, subresource := range fieldsOf(g) {
			assert.Equal(t, "status", subresource, "no other field is its own")
		}
		ing := &networkingv1.Ingress{}
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(g), ing))
		assert.Empty(t, ing.OwnerReferences, "the propagated Ingress is read and never written")
		s.still(ns, host)
	}
}

func TestM3StaleSliceOfALostMemberDoesNotCount(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("m3")
	member1 := gslb.GeoTag(label(host) + "-member1")
	provided := `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: $NS
  name: member1-podinfo
  labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice-dispatch-controller.karmada.io}
  annotations: {endpointslice.karmada.io/provision-cluster: $NS-member1}
addressType: IPv4
endpoints:
- {addresses: [10.2.0.1], conditions: {ready: true}}`
	silent := standIn(t, eu, member1, "", "")
	ns := eu.inNamespace(host, aService, provided, anIngress("", "podinfo", "{ip: 192.0.2.3}"), aGslb(roundRobin))
	eu.condition(ns, "podinfo", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
	eu.answers(host)

	g := &gslbv1beta1.Gslb{}
	eventually(t, func() error {
		if err := eu.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, g); err != nil {
			return err
		}
		g.Spec.ServiceHealthScope = gslbv1beta1.ScopeClusterset
		return eu.api.Update(t.Context(), g)
	})
	eu.answers(host, "192.0.2.3")
	eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return slices.Equal(c.DependsOn, []string{string(member1)}) })

	reports := func(serial uint32, bare bool, says gslb.Announcement) {
		entry := gslb.Entry{Addr: netip.MustParseAddr("192.0.2.103"), Health: gslb.Unhealthy, Reason: gslb.ReasonNotReady}
		require.NoError(t, eu.store.SetReport(&gslb.Report{
			Cluster: member1, ClusterID: "id-" + string(member1), Instance: "one", Serial: serial, Zone: zone().Zone, EdgeZone: zone().EdgeZone, Announcement: says,
			Offers: map[gslb.Name]*gslb.Offer{gslb.MustName(host): {Host: gslb.MustName(host), PolicyUnknown: true, Bare: bare, Entries: []gslb.Entry{entry}}},
		}))
	}
	t.Cleanup(func() { reports(4, false, gslb.Leaving) })
	reports(2, true, "") // it is heard, and has no pod; Karmada leaves the slice as it is
	eu.answers(host)
	eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterUnhealthy })
	reports(3, false, "") // a pod is back, and an address does not answer
	eu.answers(host, "192.0.2.3")

	silent() // and Karmada leaves the slice as it is
	eu.answers(host)
	eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterUnhealthy })
}

func TestM4NameOfAMemberInAStatusIsIgnoredAndNeverAsked(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("m4")
	ns := eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{hostname: member1}, {ip: 192.0.2.4}"), aGslb(roundRobin))
	eu.answers(host, "192.0.2.4")
	g := eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return slices.Equal(c.Addresses, []string{"192.0.2.4"}) })
	assert.Contains(t, meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved).Message, `"member1" is not the full name of a load balancer`)
	full := "lb." + label(host) + ".example.net"
	eu.inNamespace(fresh("m4-dotted"), aService, readySlice, anIngress("", "podinfo", "{hostname: "+full+"}"), aGslb(roundRobin))
	eventually(t, func() error { // what is a full name is asked for, after the other was read
		if asked := beside.asked.list(); !slices.Contains(asked, full) {
			return notYet("asked for %q", asked)
		}
		return nil
	})
	assert.NotContains(t, beside.asked.list(), "member1")
	assert.Contains(t, eu.ignored(ns, "podinfo", metav1.ConditionTrue), `"member1"`, "and an event warns of it")
}

// betweenClusters are Services that lead to other clusters; each has an address.
const betweenClusters = `apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: istio-eastwestgateway, labels: {app: istio-eastwestgateway, istio: eastwestgateway}}
spec:
  type: LoadBalancer
  selector: {app: podinfo}
  ports: [{name: tls, port: 15443}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.15}]}}`

func TestM5GatewayBetweenClustersIsNeverPublished(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	never("203.0.113.15")
	host := fresh("m5")
	eu.inNamespace(host, aService, readySlice, betweenClusters, anIngress("", "podinfo", "{ip: 192.0.2.5}"), aGslb(roundRobin))
	eu.answers(host, "192.0.2.5")
	us.answers(host, "192.0.2.5")

	byName := fresh("m5-named")
	named := eu.inNamespace(byName,
		strings.Replace(betweenClusters, "labels:", "annotations: {gslb.meridian.dev/hostname: $HOST}, labels:", 1),
		strings.ReplaceAll(strings.ReplaceAll(readySlice, "podinfo-1", "gw-1"), "service-name: podinfo", "service-name: istio-eastwestgateway"),
		strings.NewReplacer("networking.k8s.io/v1", "v1", "kind: Ingress", "kind: Service", "name: podinfo}", "name: istio-eastwestgateway}").Replace(aGslb(roundRobin)))
	eu.condition(named, "istio-eastwestgateway", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
	us.offeredBy(byName, "eu")
	eu.neverAnswers(t, "203.0.113.15")
	us.neverAnswers(t, "203.0.113.15")
}

// neverAnswers holds that an address is in no answer of any host, nor among the entries.
func (s *site) neverAnswers(t *testing.T, addr string) {
	t.Helper()
	w := s.store.World()
	require.True(t, w.Ready)
	hosts := 0
	for h := range w.Hosts() {
		hosts++
		for i := range h.Parts {
			for _, e := range h.Parts[i].Entries {
				assert.NotEqual(t, netip.MustParseAddr(addr), e.Addr, "entry of %s", h.Name)
			}
		}
	}
	assert.Positive(t, hosts)
}

// meshEntry is a host of the mesh: its entry is the gateway that pods here make up, and its
// backends are those that Istio finds, in any member.
const meshEntry = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {namespace: $NS, name: podinfo}
spec:
  selector: {istio: $NS}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [$HOST]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: $NS, name: podinfo}
spec:
  hosts: [$HOST]
  gateways: [podinfo]
  http: [{route: [{destination: {host: podinfo}}]}]
---
apiVersion: v1
kind: Service
metadata: {namespace: $NS, name: istio-ingressgateway}
spec: {type: LoadBalancer, selector: {istio: $NS}, ports: [{name: http, port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.6}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: istio-ingressgateway-1, labels: {kubernetes.io/service-name: istio-ingressgateway, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints:
- {addresses: [10.1.6.1], conditions: {ready: true}, targetRef: {kind: Pod, namespace: $NS, name: istio-ingressgateway}}`

func TestM6EntryWithoutBackendsHereServesInScopeGateway(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	host := fresh("m6")
	virtualService := strings.NewReplacer("networking.k8s.io/v1", "networking.istio.io/v1", "kind: Ingress", "kind: VirtualService")
	ns := us.inNamespace(host, aService, emptySlice, meshEntry,
		virtualService.Replace(aGslb("serviceHealthScope: gateway\n  healthCheck: {}\n  "+roundRobin)))
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
		return c.Health == gslbv1beta1.ClusterUnknown && slices.Equal(c.Addresses, []string{"192.0.2.6"})
	})
	probe := func(h gslb.Health) {
		us.store.SetVerdict(gslb.Verdict{Host: gslb.MustName(host), Addr: netip.MustParseAddr("192.0.2.6"), Health: h})
	}
	probe(gslb.Healthy) // the mesh reaches the backends of the other member
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterHealthy })
	us.answers(host, "192.0.2.6")
	probe(gslb.Unhealthy)
	us.answers(host)
	probe(gslb.Healthy)
	us.answers(host, "192.0.2.6")

	us.setSlice(ns, "istio-ingressgateway-1", false) // and this the cluster can tell by itself
	us.answers(host)
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Reason == string(gslb.ReasonEntryNotReady) })
	us.setSlice(ns, "istio-ingressgateway-1", true)
	us.answers(host, "192.0.2.6")
}

func TestM8GslbDeletedInOneMemberLeavesTheAnswersOfOthers(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("m8")
	there := eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 192.0.2.1}"), aGslb(roundRobin))
	kept := strings.Replace(aGslb(roundRobin), "name: podinfo}", "name: podinfo, finalizers: [members.example.com/keep]}", 1)
	ns := us.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 192.0.2.2}"), kept)
	for _, s := range []*site{eu, us} {
		s.answers(host, "192.0.2.1", "192.0.2.2")
	}
	g := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "podinfo"}}
	require.NoError(t, us.api.Delete(t.Context(), g))
	for _, s := range []*site{eu, us} {
		s.offeredBy(host, "eu") // at once, while a finalizer still holds the object
		s.answers(host, "192.0.2.1")
	}
	require.NoError(t, us.api.Get(t.Context(), client.ObjectKeyFromObject(g), g))
	assert.NotNil(t, g.DeletionTimestamp)

	// It left as planned: the cluster is heard as before, and its address is not even the last
	// resort, as that of a lost one were.
	eventually(t, func() error {
		if c := eu.store.World().Cluster("us"); c == nil || c.Liveness != gslb.Fresh {
			return notYet("eu says of us %+v", c)
		}
		return nil
	})
	g = eu.own(there, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterHealthy })
	eventually(t, func() error {
		if err := eu.api.Get(t.Context(), client.ObjectKeyFromObject(g), g); err != nil || len(g.Status.Clusters) != 1 {
			return notYet("status.clusters is %+v (%v)", g.Status.Clusters, err)
		}
		return nil
	})
	for _, event := range eu.events("Gslb", there, "podinfo") {
		assert.NotRegexp(t, `(?i)\blost\b`, event)
	}
	eu.setSlice(there, "podinfo-1", false)
	for _, s := range []*site{eu, us} {
		s.answers(host)
	}
}
