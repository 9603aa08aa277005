// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/dnsserver"
	"github.com/meridian-gslb/meridian/dnsserver/answers"
	"github.com/meridian-gslb/meridian/dnsserver/dnstest"
	"github.com/meridian-gslb/meridian/gslb"
)

// The checks Q of docs/neighbours.md: Liqo offloads pods to another cluster, shows them here
// on a virtual node, and copies the Ingress there.

const liqoAnnotation = `k8gb.io/strategy: roundRobin`

// virtualNode makes the node that stands for a cluster, and is ready.
func virtualNode(s *site, name, cluster string) *corev1.Node {
	s.t.Helper()
	return readyNode(s, name, map[string]string{"liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": cluster})
}

// readyNode makes a node that says that it is ready, as its kubelet does.
func readyNode(s *site, name string, labels map[string]string) *corev1.Node {
	s.t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	require.NoError(s.t, s.api.Create(s.t.Context(), node))
	setNode(s, node, corev1.ConditionTrue)
	return node
}

func setNode(s *site, node *corev1.Node, ready corev1.ConditionStatus) {
	s.t.Helper()
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Reason: "Told"}}
	require.NoError(s.t, s.api.Status().Update(s.t.Context(), node))
}

// offloaded is the slice of the cluster that the pods come from: one runs here, one on the
// virtual node.
func offloaded(node string) string {
	return fmt.Sprintf(`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: podinfo-1, labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints:
- {addresses: [10.1.0.1], nodeName: w1, conditions: {ready: true}, targetRef: {kind: Pod, namespace: $NS, name: podinfo-a}}
- {addresses: [10.71.0.2], nodeName: %s, conditions: {ready: true}, targetRef: {kind: Pod, namespace: $NS, name: podinfo-b}}`, node)
}

// reflected is the slice that Liqo makes in the other cluster for the pods that run in eu.
const reflected = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $NS, name: podinfo-eu, labels: {kubernetes.io/service-name: podinfo, endpointslice.kubernetes.io/managed-by: endpointslice.reflection.liqo.io}}
addressType: IPv4
endpoints:
- {addresses: [10.72.0.1], nodeName: eu, conditions: {ready: true}}`

func TestQ1AnnotatedIngressMakesAGslbThatGoesWithIt(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("q1")
	ns := eu.inNamespace(host, aService, readySlice, anIngress(liqoAnnotation, "podinfo", "{ip: 172.19.0.3}"))
	ing := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "podinfo"}}
	require.NoError(t, eu.api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing))
	g := eu.gslbOf(ing, func(*gslbv1beta1.Gslb) bool { return true })
	assert.Equal(t, gslbv1beta1.RoundRobin, g.Spec.Strategy.Type)
	assert.Equal(t, gslbv1beta1.ScopeClusterset, g.Spec.ServiceHealthScope)
	require.Len(t, g.OwnerReferences, 1)
	assert.True(t, metav1.IsControlledBy(g, ing), "garbage collection deletes it with the Ingress; here nothing else would")
	eu.answers(host, "172.19.0.3")
	require.NoError(t, eu.api.Delete(t.Context(), ing))
	// As garbage collection does once the Ingress is gone; TestWholeCluster has a real one.
	require.NoError(t, client.IgnoreNotFound(eu.api.Delete(t.Context(), g)))
	eu.absent(host)
	err := eu.api.Get(t.Context(), client.ObjectKeyFromObject(g), g)
	assert.True(t, apierrors.IsNotFound(err), "without its Ingress nobody makes it again: %v", err)
}

// liqoDemo makes the objects of the public walk-through in both clusters.
func liqoDemo(t *testing.T, code string) (eu, us *site, host, inEU, inUS string) {
	t.Helper()
	eu, us = clusters(t)
	host = fresh(code)
	node := "virtual-" + label(host)
	virtualNode(eu, node, "us")
	inEU = eu.inNamespace(host, aService, offloaded(node), anIngress(liqoAnnotation, "podinfo", "{ip: 172.19.0.3}, {ip: 172.19.0.4}"))
	inUS = us.inNamespace(host, aService, readySlice, reflected, anIngress(liqoAnnotation, "podinfo", "{ip: 172.19.0.5}, {ip: 172.19.0.6}"))
	for _, s := range []*site{eu, us} {
		s.answers(host, "172.19.0.3", "172.19.0.4", "172.19.0.5", "172.19.0.6")
	}
	return eu, us, host, inEU, inUS
}

func TestQ2AnswersAreThoseOfBothClustersEachOnce(t *testing.T) {
	t.Parallel()
	_, us, _, _, inUS := liqoDemo(t, "q2")
	// The copy has no class.
	ing := &networkingv1.Ingress{}
	require.NoError(t, us.api.Get(t.Context(), client.ObjectKey{Namespace: inUS, Name: "podinfo"}, ing))
	assert.Nil(t, ing.Spec.IngressClassName)
}

func TestQ3WithoutALocalPodTheScopeDecides(t *testing.T) {
	t.Parallel()
	eu, us, host, inEU, _ := liqoDemo(t, "q3")
	eu.setSlice(inEU, "podinfo-1", false)
	eu.own(inEU, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return slices.Equal(c.DependsOn, []string{"us"}) })
	eu.answers(host, "172.19.0.3", "172.19.0.4", "172.19.0.5", "172.19.0.6")

	// The Gslb is its author's from here on.
	g := &gslbv1beta1.Gslb{}
	eventually(t, func() error {
		if err := eu.api.Get(t.Context(), client.ObjectKey{Namespace: inEU, Name: "podinfo"}, g); err != nil {
			return err
		}
		g.OwnerReferences, g.Spec.ServiceHealthScope = nil, gslbv1beta1.ScopeLocal
		return eu.api.Update(t.Context(), g)
	})
	for _, s := range []*site{eu, us} {
		s.answers(host, "172.19.0.5", "172.19.0.6")
	}
	eu.own(inEU, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
		return c.DependsOn == nil && c.Health == gslbv1beta1.ClusterUnhealthy
	})
}

func TestQ4EndpointsOfALostClusterDoNotCountThoughTheirNodeIsReady(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("q4")
	peer := gslb.GeoTag(label(host) + "-peer")
	silent := standIn(t, eu, peer, "", "")
	node := virtualNode(eu, "virtual-"+label(host), "id-"+string(peer)) // Liqo has an id of its own for it
	ns := eu.inNamespace(host, aService, offloaded(node.Name), anIngress(liqoAnnotation, "podinfo", "{ip: 172.19.0.3}"))
	eu.setSlice(ns, "podinfo-1", false)
	eu.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool {
		return slices.Equal(c.DependsOn, []string{string(peer)}) && c.FailureDomain == string(peer)
	}) // told by its geo tag
	eu.answers(host, "172.19.0.3")
	silent()
	eu.answers(host)
	g := eu.condition(ns, "podinfo", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
	// Nothing waited for the node: it is as it was, and so is the slice.
	before := node.ResourceVersion
	require.NoError(t, eu.api.Get(t.Context(), client.ObjectKeyFromObject(node), node))
	assert.Equal(t, before, node.ResourceVersion, "nobody wrote to the node")
	assert.Equal(t, corev1.ConditionTrue, node.Status.Conditions[0].Status, "it is Ready all the while")
	assert.Contains(t, meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved).Message, "ready endpoints in id-"+string(peer)+" do not count: that cluster is lost")
	standIn(t, eu, peer, "", "")
	eu.answers(host, "172.19.0.3")
}

func TestQ5CopyOfAnIngressWithoutAClassCounts(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	host := fresh("q5")
	us.inNamespace(host, aService, readySlice, reflectedCopy("{ip: 172.19.0.5}"))
	us.answers(host, "172.19.0.5")
}

// reflectedCopy is an Ingress as Liqo copies it from eu to us.
func reflectedCopy(status string) string {
	return strings.Replace(anIngress(liqoAnnotation, "podinfo", status), "annotations:",
		"labels: {offloading.liqo.io/origin: eu, offloading.liqo.io/destination: us}, annotations:", 1)
}

func TestO1GslbOfLiqosCopySaysSoAndDiesWithIt(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("o1")
	there := eu.inNamespace(host, aService, readySlice, anIngress(liqoAnnotation, "podinfo", "{ip: 172.19.0.3}"))
	ns := us.inNamespace(host, aService, readySlice, reflectedCopy("{ip: 172.19.0.5}"))
	made := map[*site]*gslbv1beta1.Gslb{}
	for s, origin := range map[*site]string{eu: gslbv1beta1.OriginAnnotation, us: gslbv1beta1.OriginReflected} {
		s.offeredBy(host, "eu", "us")
		s.answers(host, "172.19.0.3", "172.19.0.5")
		ing := &networkingv1.Ingress{}
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, ing))
		g := s.gslbOf(ing, func(*gslbv1beta1.Gslb) bool { return true })
		assert.Equal(t, origin, g.Labels[gslbv1beta1.LabelOrigin], "in %s", s.store.World().Self)
		assert.True(t, metav1.IsControlledBy(g, ing), "each is of the Ingress of its own cluster")
		made[s] = g
	}

	copied := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "podinfo"}}
	require.NoError(t, us.api.Delete(t.Context(), copied))
	us.remove(made[us]) // as garbage collection does once its owner is gone
	for _, s := range []*site{eu, us} {
		s.offeredBy(host, "eu")
		s.answers(host, "172.19.0.3")
	}
	err := us.api.Get(t.Context(), client.ObjectKeyFromObject(made[us]), &gslbv1beta1.Gslb{})
	assert.True(t, apierrors.IsNotFound(err), "nobody makes it again: %v", err)
	g := eu.own(there, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterHealthy })
	assert.Equal(t, made[eu].UID, g.UID, "the one that it was copied from stays")
}

func TestQ6AddressOfTheOtherClusterInAStatusIsOneRecordOfTwoOwners(t *testing.T) {
	t.Parallel()
	eu, us := clusters(t)
	host := fresh("q6")
	there := eu.inNamespace(host, aService, readySlice, anIngress(liqoAnnotation, "podinfo", "{ip: 172.19.0.3}, {ip: 172.19.0.5}"))
	ns := us.inNamespace(host, aService, readySlice, anIngress(liqoAnnotation, "podinfo", "{ip: 172.19.0.5}"))
	for _, s := range []*site{eu, us} {
		s.offeredBy(host, "eu", "us")
		s.answers(host, "172.19.0.3", "172.19.0.5")
	}
	us.ownedBy(ns, map[string][]string{"eu": {"172.19.0.3", "172.19.0.5"}, "us": {"172.19.0.5"}})
	eu.ownedBy(there, map[string][]string{"eu": {"172.19.0.3", "172.19.0.5"}, "us": {"172.19.0.5"}})
	us.setSlice(ns, "podinfo-1", false)
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterUnhealthy })
	us.answers(host, "172.19.0.3", "172.19.0.5") // the other owner says that it serves

	us.setSlice(ns, "podinfo-1", true)
	us.own(ns, "podinfo", func(c *gslbv1beta1.ClusterStatus) bool { return c.Health == gslbv1beta1.ClusterHealthy })
	eu.setSlice(there, "podinfo-1", false)
	for _, s := range []*site{eu, us} {
		s.answers(host, "172.19.0.5") // it is the other's as well
	}
	us.setSlice(ns, "podinfo-1", false)
	for _, s := range []*site{eu, us} {
		s.answers(host) // and goes with the last of its owners
	}
}

// ownedBy waits until the status of Gslb podinfo names the addresses of each cluster.
func (s *site) ownedBy(ns string, want map[string][]string) {
	s.t.Helper()
	eventually(s.t, func() error {
		g := &gslbv1beta1.Gslb{}
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, g); err != nil {
			return err
		}
		have := map[string][]string{}
		for i := range g.Status.Clusters {
			have[g.Status.Clusters[i].GeoTag] = g.Status.Clusters[i].Addresses
		}
		if !assert.ObjectsAreEqual(want, have) {
			return notYet("addresses by owner are %v", have)
		}
		return nil
	})
}

func TestQ7TruncatedAnswerIsWholeOverTCP(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("q7")
	var status, want []string
	for i := range 60 {
		want = append(want, fmt.Sprintf("172.19.1.%d", i))
		status = append(status, fmt.Sprintf("{ip: 172.19.1.%d}", i))
	}
	eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", strings.Join(status, ", ")), aGslb(roundRobin))
	eu.answers(host, want...)

	table, err := answers.Build(nil, eu.store.World())
	require.NoError(t, err)
	_, server := dnstest.Serve(t, dnsserver.Config{}, table)
	ask := new(dns.Msg)
	ask.SetQuestion(gslb.MustName(host).String()+".", dns.TypeA)
	udp := dnstest.Exchange(t, server, ask, false)
	assert.True(t, udp.Truncated, "sixty addresses do not fit into 512 octets")
	tcp := dnstest.Exchange(t, server, ask, true)
	assert.False(t, tcp.Truncated)
	assert.Len(t, tcp.Answer, len(want))
}
