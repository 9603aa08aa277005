// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// TestAnEmptyStatusWhoseAddressesAreKeptIsTold: what clients are given then is not what
// kubectl shows of the Ingress.
func TestAnEmptyStatusWhoseAddressesAreKeptIsTold(t *testing.T) {
	until := time.Date(2026, 11, 1, 9, 5, 0, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		why    string
		held   func(gslb.Source) time.Time
		byHand []gslbv1beta1.Address
		want   string
	}{
		{"nobody keeps any", nil, nil, "no Service stands behind it"},
		{"they are those of its status", func(gslb.Source) time.Time { return time.Time{} }, nil, "no Service stands behind it"},
		{"they are kept", func(of gslb.Source) time.Time {
			assert.Equal(t, gslb.Source{Kind: "Ingress", Namespace: "test", Name: "app"}, of)
			return until
		}, nil, "the status of Ingress test/app is empty; what it had last counts until 2026-11-01 08:05:00 UTC: 192.0.2.1, 192.0.2.2"},
		{"given by hand: the status does not count", func(gslb.Source) time.Time { return until }, []gslbv1beta1.Address{"192.0.2.3"}, "entries by spec.entryAddresses"},
	} {
		g := &gslbv1beta1.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app"}}
		g.Spec.ResourceRef = &gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "app"}
		g.Spec.Strategy.Type, g.Spec.EntryAddresses = gslbv1beta1.RoundRobin, c.byHand
		ing := annotatedIngress(nil)
		ing.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}, {IP: "192.0.2.2"}}
		out := translate.Build(translate.Input{
			Gslb: g, Self: "eu", Held: c.held,
			Zones: []translate.Zone{{ZoneIntent: gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}},
			Found: refs.Gather(func(have *refs.Found) []refs.Key { return translate.DependsOn(g, have) }, func([]refs.Key) {}, func(k refs.Key) ([]refs.Object, refs.State) {
				if k == refs.IngressKey("test", "app") {
					return []refs.Object{ing}, refs.Listed
				}
				return nil, refs.Listed
			}),
		})
		resolved := meta.FindStatusCondition(out.Conditions, gslbv1beta1.ConditionResolved)
		require.NotNil(t, resolved, c.why)
		assert.Contains(t, resolved.Message, c.want, c.why)
		if !strings.Contains(c.want, "is empty") {
			assert.NotContains(t, resolved.Message, "is empty", c.why)
		}
	}
}
