// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// BenchmarkBuild translates one Gslb with one host, two addresses and a slice of so
// many endpoints.
func BenchmarkBuild(b *testing.B) {
	for _, endpoints := range []int{2, 100, 1000} {
		b.Run(fmt.Sprintf("endpoints=%d", endpoints), func(b *testing.B) {
			t := &testing.T{}
			c := readCluster(t, "testdata/embedded-owned.in.yaml")
			zones := c.zonesOf(t)
			in := c.input(t, c.gslbs[0], zones.Zones)
			key := refs.SlicesKey(types.NamespacedName{Namespace: "test", Name: "podinfo"})
			found, _ := in.Found.Get(key)
			require.Len(b, found, 1)
			slice, ok := found[0].DeepCopyObject().(*discoveryv1.EndpointSlice)
			require.True(b, ok)
			for len(slice.Endpoints) < endpoints {
				slice.Endpoints = append(slice.Endpoints, slice.Endpoints[0])
			}
			in.Found.Put(key, refs.Listed, slice)
			b.ReportAllocs()
			for b.Loop() {
				translate.Build(in)
			}
		})
	}
}
