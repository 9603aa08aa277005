// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// shop gives the objects of one application of many: its Gslb, and by key what that names.
func shop(n int) (*gslbv1beta1.Gslb, map[refs.Key]refs.Object) {
	name := types.NamespacedName{Namespace: fmt.Sprintf("shops-%d", n%100), Name: fmt.Sprintf("shop-%d", n)}
	meta := metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}
	ing := &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{
		Host: name.Name + ".cloud.example.com",
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
			Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name.Name}},
		}}}},
	}}}}
	ing.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}}
	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: name.Name}
	g := &gslbv1beta1.Gslb{ObjectMeta: meta, Spec: gslbv1beta1.GslbSpec{
		Strategy:    gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin},
		ResourceRef: &gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: name.Name},
	}}
	return g, map[refs.Key]refs.Object{
		refs.IngressKey(name.Namespace, name.Name):               ing,
		refs.ByName(refs.KindService, name.Namespace, name.Name): &corev1.Service{ObjectMeta: meta},
		refs.SlicesKey(name):                                     slice,
		refs.ByName(refs.KindNamespace, "", name.Namespace):      &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name.Namespace}},
	}
}

// BenchmarkIndex holds what ten thousand Gslbs depend on, each with one host and one
// backend, and finds those that one EndpointSlice belongs to. One round is one change of a
// slice; bytes are those that live on for a Gslb.
func BenchmarkIndex(b *testing.B) {
	const gslbs = 10_000
	index := refs.NewIndex[types.NamespacedName]()
	needs := make([][]refs.Key, gslbs)
	names := make([]types.NamespacedName, gslbs)
	keys := 0
	for n := range gslbs {
		g, objects := shop(n)
		names[n] = types.NamespacedName{Namespace: g.Namespace, Name: g.Name}
		refs.Gather(
			func(found *refs.Found) []refs.Key { return translate.DependsOn(g, found) },
			func(k []refs.Key) { needs[n] = k },
			func(k refs.Key) ([]refs.Object, refs.State) {
				if obj := objects[k]; obj != nil {
					return []refs.Object{obj}, refs.Listed
				}
				return nil, refs.Listed
			})
		keys += len(needs[n])
	}
	before := liveHeap()
	for n := range needs {
		index.Set(names[n], needs[n])
	}
	bytes := float64(liveHeap()-before) / gslbs
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: names[0].Namespace, Name: "any", Labels: map[string]string{discoveryv1.LabelServiceName: names[0].Name},
	}}
	require.Len(b, index.On(refs.KindEndpointSlice, slice), 1)
	b.ReportAllocs()
	for b.Loop() {
		index.On(refs.KindEndpointSlice, slice)
	}
	b.ReportMetric(float64(keys)/gslbs, "keys/Gslb")
	b.ReportMetric(bytes, "B/Gslb")
	runtime.KeepAlive(needs)
}

// liveHeap gives how much lives.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
