// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// The rules E3 and E6 of docs/neighbours.md, on real API servers.

// ignored waits until condition Resolved tells of an address that is left out, and gives
// its message; and holds that an event warned of it.
func (s *site) ignored(ns, name string, status metav1.ConditionStatus) string {
	s.t.Helper()
	g := s.condition(ns, name, gslbv1beta1.ConditionResolved, status, gslbv1beta1.ReasonEntryIgnored)
	eventually(s.t, func() error {
		if events := s.events("Gslb", ns, name); !containing(events, "Warning EntryIgnored") {
			return notYet("events are %q", events)
		}
		return nil
	})
	return meta.FindStatusCondition(g.Status.Conditions, gslbv1beta1.ConditionResolved).Message
}

func TestE3ClusterIPInAStatusIsNoEntry(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("e3-clusterip")
	ns := eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 192.0.2.31}"), aGslb(roundRobin))
	eu.answers(host, "192.0.2.31")
	svc := &corev1.Service{}
	require.NoError(t, eu.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, svc))
	require.NotEmpty(t, svc.Spec.ClusterIP)
	setAddresses(t, eu.api, &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "podinfo"}}, svc.Spec.ClusterIP, "192.0.2.31")
	assert.Contains(t, eu.ignored(ns, "podinfo", metav1.ConditionTrue), svc.Spec.ClusterIP+" is the cluster IP of Service "+ns+"/podinfo")
	eu.answers(host, "192.0.2.31")
	eu.neverAnswers(t, svc.Spec.ClusterIP)
}

func TestE3AddressInAServiceCIDRIsNoEntry(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("e3-servicecidr")
	ns := eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 10.97.3.3}, {ip: 192.0.2.32}"), aGslb(roundRobin))
	eu.answers(host, "10.97.3.3", "192.0.2.32")
	cidr := &networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: ns}, Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.97.0.0/16"}}}
	require.NoError(t, eu.api.Create(t.Context(), cidr))
	t.Cleanup(func() { eu.remove(cidr) })
	eu.answers(host, "192.0.2.32")
	assert.Contains(t, eu.ignored(ns, "podinfo", metav1.ConditionTrue), "10.97.3.3 lies in 10.97.0.0/16, the range of cluster IPs of ServiceCIDR "+ns)
}

func TestE3AddressOfAPodIsNoEntryAndThatOfANodeIs(t *testing.T) {
	t.Parallel()
	_, us := clusters(t)
	host, node := fresh("e3-pods"), fresh("e3-nodes")
	ns := us.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 10.77.1.9}"), aGslb(roundRobin))
	us.answers(host, "10.77.1.9")
	onTheNode := strings.Replace(readySlice, "10.1.0.1", "172.29.0.3", 1)
	here := us.inNamespace(node, aService, onTheNode, anIngress("", "podinfo", "{ip: 172.29.0.3}"), aGslb(roundRobin))
	w1 := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: ns + "-w1"}, Spec: corev1.NodeSpec{PodCIDR: "10.77.1.0/24", PodCIDRs: []string{"10.77.1.0/24"}}}
	require.NoError(t, us.api.Create(t.Context(), w1))
	t.Cleanup(func() { us.remove(w1) })
	w1.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.29.0.3"}}
	require.NoError(t, us.api.Status().Update(t.Context(), w1))
	us.answers(host)
	assert.Contains(t, us.ignored(ns, "podinfo", metav1.ConditionFalse), "10.77.1.9 lies in 10.77.1.0/24, the range of the pods of node "+w1.Name)
	us.answers(node, "172.29.0.3") // its pod is on the network of the node
	us.condition(here, "podinfo", gslbv1beta1.ConditionResolved, metav1.ConditionTrue, gslbv1beta1.ReasonResolved)
}

func TestE6AddressByHandCountsAlsoInsideTheCluster(t *testing.T) {
	t.Parallel()
	eu, _ := clusters(t)
	host := fresh("e6")
	ns := eu.inNamespace(host, aService, readySlice, anIngress("", "podinfo", "{ip: 192.0.2.36}"), aGslb("entryAddresses: [192.0.2.66]\n  "+roundRobin))
	eu.answers(host, "192.0.2.66") // and not what the status says
	shown := eu.condition(ns, "podinfo", gslbv1beta1.ConditionResolved, metav1.ConditionTrue, gslbv1beta1.ReasonResolved)
	assert.Equal(t, "entries by spec.entryAddresses", meta.FindStatusCondition(shown.Status.Conditions, gslbv1beta1.ConditionResolved).Message)
	svc := &corev1.Service{}
	require.NoError(t, eu.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, svc))
	g := &gslbv1beta1.Gslb{}
	eventually(t, func() error {
		if err := eu.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "podinfo"}, g); err != nil {
			return err
		}
		g.Spec.EntryAddresses = []gslbv1beta1.Address{gslbv1beta1.Address(svc.Spec.ClusterIP)}
		return eu.api.Update(t.Context(), g)
	})
	eu.answers(host, svc.Spec.ClusterIP)
	eu.condition(ns, "podinfo", gslbv1beta1.ConditionResolved, metav1.ConditionTrue, gslbv1beta1.ReasonInternalEntry)
	eventually(t, func() error {
		if events := eu.events("Gslb", ns, "podinfo"); !containing(events, "Warning InternalEntry") {
			return notYet("events are %q", events)
		}
		return nil
	})
}
