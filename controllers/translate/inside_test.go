// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// TestE3WhoHasAnEntryInsideTheClusterIsAskedFor: a Service that takes an entry for its
// cluster IP, or a pod that gets it, is an event of the Gslb.
func TestE3WhoHasAnEntryInsideTheClusterIsAskedFor(t *testing.T) {
	g := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app"}}
	g.Spec.ResourceRef = &gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "app"}
	ing := annotatedIngress(nil)
	ing.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "10.0.0.1"}, {IP: "2001:DB8::1"}}
	found := &refs.Found{}
	found.Put(refs.IngressKey("test", "app"), refs.Listed, ing)
	needs := translate.DependsOn(g, found)
	for _, text := range []string{"10.0.0.1", "2001:db8::1"} {
		addr := netip.MustParseAddr(text)
		assert.Contains(t, needs, refs.ClusterIPKey(addr))
		assert.Contains(t, needs, refs.PodAddressKey(addr))
	}
	assert.Contains(t, needs, refs.ServiceCIDRsKey())
	g.Spec.EntryAddresses = []gslbv1beta1.Address{"10.0.0.9"}
	assert.Contains(t, translate.DependsOn(g, found), refs.ClusterIPKey(netip.MustParseAddr("10.0.0.9")), "by hand too: it is told")
}

func TestNodeRanges(t *testing.T) {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	node := func(own string, pods ...string) *corev1.Node {
		return &corev1.Node{Spec: corev1.NodeSpec{PodCIDRs: pods}, Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: own}}}}
	}
	n := translate.NewNodeRanges()
	assert.ElementsMatch(t, []netip.Prefix{prefix("172.19.0.3/32"), prefix("10.42.1.0/24"), prefix("fd00:1::/64")},
		n.Set("w1", node("172.19.0.3", "10.42.1.0/24", "fd00:1::/64")), "all of it is new")
	assert.Empty(t, n.Set("w1", node("172.19.0.3", "10.42.1.0/24", "fd00:1::/64")), "a node that only beats")
	for text, want := range map[string]string{"10.42.1.255": "w1", "10.42.2.1": "", "fd00:1::9": "w1", "172.19.0.3": "", "192.0.2.1": ""} {
		have, _ := n.Pods(addr(text))
		assert.Equal(t, want, have, text)
	}
	assert.True(t, n.Node(addr("172.19.0.3")))
	assert.Equal(t, []netip.Prefix{prefix("172.19.0.3/32"), prefix("172.19.0.4/32"), prefix("10.42.1.0/24"), prefix("fd00:1::/64"), prefix("10.42.1.0/24")},
		n.Set("w1", node("172.19.0.4", "10.42.1.0/24")), "what it had and what it has")
	assert.False(t, n.Node(addr("172.19.0.3")))
	assert.Empty(t, n.Set("w0", nil), "one that was not known went")

	n.Set("w2", node("172.19.0.4", "10.42.1.0/24"))
	n.Set("w1", nil)
	who, _ := n.Pods(addr("10.42.1.1"))
	assert.Equal(t, "w2", who, "a node that took the place of another has its range")
	assert.True(t, n.Node(addr("172.19.0.4")), "two nodes had the address")
	n.Set("w2", nil)
	who, _ = n.Pods(addr("10.42.1.1"))
	assert.Empty(t, who)

	virtual := node("172.19.0.9", "10.42.9.0/24")
	virtual.Labels = map[string]string{translate.VirtualNodeLabel: translate.VirtualNodeValue}
	n.Set("liqo", virtual)
	who, _ = n.Pods(addr("10.42.9.1"))
	assert.Empty(t, who, "the pods of a virtual node run elsewhere")
}
