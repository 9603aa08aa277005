// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// k8gbTakesMoreInAnnotations: what k8gb takes makes a Gslb here too, and what is bent is said.
func k8gbTakesMoreInAnnotations(t *testing.T, s *site) {
	for name, annotations := range map[string]map[string]string{
		"unused":   {"k8gb.io/strategy": "roundRobin", "k8gb.io/primary-geotag": "eu", "k8gb.io/exposed-ip-addresses": "192.0.2.22"},
		"capitals": {"k8gb.io/strategy": "failover", "k8gb.io/primary-geotag": "EU", "k8gb.io/dns-ttl-seconds": "0"},
		"week":     {"k8gb.io/strategy": "roundRobin", "k8gb.io/dns-ttl-seconds": "604800"},
	} {
		ing := ingressOf("test-gslb", name, name+".cloud.example.com", "frontend-podinfo", nil)
		ing.Annotations = annotations
		ingress(t, s.api, ing, "192.0.2.22")
	}
	for name, ttl := range map[string]int{"unused": 30, "capitals": 30, "week": 86400} {
		s.answers(name+".cloud.example.com", "192.0.2.22")
		g := &k8gb.Gslb{}
		old(s, g, name, func() bool { return *g.Spec.Strategy.DNSTTLSeconds == ttl })
	}
	eventually(t, func() error {
		if events := s.events("Ingress", "test-gslb", "week"); !containing(events, "Normal Adjusted metadata.annotations[k8gb.io/dns-ttl-seconds]: 604800 is taken for 86400") {
			return notYet("events are %q", events)
		}
		return nil
	})
	for _, name := range []string{"unused", "capitals"} {
		assert.False(t, containing(s.events("Ingress", "test-gslb", name), "Warning"), "nothing is wrong with %s", name)
	}
}

// leftByK8gb: k8gb moves a Gslb of the older group to the newer one, and its Ingress belongs
// to nobody from then on. It goes on, follows the Gslb, and belongs to nobody still.
func leftByK8gb(t *testing.T, s *site) {
	ing := ingress(t, s.api, ingressOf("test-gslb", "moved", "moved.cloud.example.com", "frontend-podinfo", nil), "192.0.2.23")
	host := func(name string) *k8gb.IngressSpec {
		return &k8gb.IngressSpec{Rules: []k8gb.IngressRule{{Host: name, HTTP: ing.Spec.Rules[0].HTTP}}}
	}
	g := &k8gb.Gslb{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test-gslb", Name: "moved"},
		Spec:       k8gb.GslbSpec{Ingress: host("moved.cloud.example.com"), Strategy: k8gb.Strategy{Type: "roundRobin"}},
	}
	require.NoError(t, s.api.Create(t.Context(), g))
	s.answers("moved.cloud.example.com", "192.0.2.23")
	old(s, g, "moved", func() bool { return g.Status.ServiceHealth["moved.cloud.example.com"] == "Healthy" })
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(g), g))
		g.Spec.Ingress = host("moved-on.cloud.example.com")
		return s.api.Update(t.Context(), g)
	})
	s.answers("moved-on.cloud.example.com", "192.0.2.23")
	now := &networkingv1.Ingress{}
	old(s, now, "moved", func() bool { return now.Spec.Rules[0].Host == "moved-on.cloud.example.com" })
	assert.Empty(t, now.OwnerReferences)
	assert.False(t, containing(s.events("Gslb", "test-gslb", "moved"), gslbv1beta1.ReasonIngressNotWritten))
}
