// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// BenchmarkEndpointsToWorld measures from the return of the API write that makes a
// backend ready or not, to the World that answers so, with a hundred Gslbs around.
func BenchmarkEndpointsToWorld(b *testing.B) {
	s := newSite(b, server)
	ns := namespace(b, s.api, nil)
	for i := range 100 {
		name := fmt.Sprintf("app-%d", i)
		app(b, s.api, ns, name, true)
		ingress(b, s.api, ingressOf(ns, name, name+".cloud.example.com", name, nil), "192.0.2.1")
		require.NoError(b, s.api.Create(b.Context(), referring(ns, name, gslbv1beta1.ResourceRef{Name: name})))
	}
	for i := range 100 {
		s.answers(fmt.Sprintf("app-%d.cloud.example.com", i), "192.0.2.1")
	}
	host := gslb.MustName("app-50.cloud.example.com")
	var took []time.Duration
	ready := true
	for b.Loop() {
		ready = !ready
		setReady(b, s.api, ns, "app-50", ready)
		wrote := time.Now()
		for w := s.store.World(); ; w = <-s.box.C() {
			if h := w.Host(host); h != nil {
				if d := strategies.Decide(h); (len(d.Addrs()) > 0) == ready {
					break
				}
			}
		}
		took = append(took, time.Since(wrote))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
