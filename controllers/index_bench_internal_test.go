// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// BenchmarkCacheIndexes puts the Services and EndpointSlices of ten thousand Gslbs, with ten
// endpoints each, into indexes as the cache has them. One round is a change of a slice; bytes
// are those that the indexes alone cost for a Gslb.
func BenchmarkCacheIndexes(b *testing.B) {
	const gslbs, endpoints = 10_000, 10
	services, slices := make([]*corev1.Service, gslbs), make([]*discoveryv1.EndpointSlice, gslbs)
	for n := range gslbs {
		meta := metav1.ObjectMeta{Namespace: fmt.Sprintf("shops-%d", n%100), Name: fmt.Sprintf("shop-%d", n)}
		services[n] = &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{ClusterIPs: []string{fmt.Sprintf("10.96.%d.%d", n/250, n%250)}}}
		meta.Labels = map[string]string{discoveryv1.LabelServiceName: meta.Name}
		slices[n] = &discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4}
		for e := range endpoints {
			slices[n].Endpoints = append(slices[n].Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", e, n/250, n%250)}, TargetRef: &corev1.ObjectReference{Kind: "Pod"}})
		}
	}
	indexed := func(by map[string]func(client.Object) []string) toolscache.Indexers {
		out := make(toolscache.Indexers)
		for name, keys := range by {
			out[name] = func(obj any) ([]string, error) { return keys(obj.(client.Object)), nil }
		}
		return out
	}
	fill := func(ofServices, ofSlices toolscache.Indexers) (toolscache.Indexer, int64) {
		before := liveHeap()
		s := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, ofServices)
		e := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, ofSlices)
		for n := range gslbs {
			require.NoError(b, s.Add(services[n]))
			require.NoError(b, e.Add(slices[n]))
		}
		live := liveHeap() - before
		runtime.KeepAlive(s)
		return e, live
	}
	_, bare := fill(nil, nil)
	e, live := fill(
		indexed(map[string]func(client.Object) []string{byAddress: addressesOfObject, byRelease: releaseOf}),
		indexed(map[string]func(client.Object) []string{byAddress: addressesOfObject, slicePair: pairsOfSlice}))
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, e.Update(slices[0].DeepCopy()))
	}
	b.ReportMetric(float64(live-bare)/gslbs, "B/Gslb")
	runtime.KeepAlive(slices)
}

// liveHeap gives how much lives.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
