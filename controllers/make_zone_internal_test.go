// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestAZoneDelegationIsMadeForTheZoneOfTheConfiguration(t *testing.T) {
	const zone = "cloud.example.com"
	scheme, err := NewScheme()
	require.NoError(t, err)
	resource := schema.GroupResource{Group: "gslb.meridian.dev", Resource: "zonedelegations"}
	for _, c := range []struct {
		why     string
		name    string
		tells   string // the ZoneDelegation that tells of the zone
		k8gb    bool   // its operator runs
		lacking bool   // our kind is not installed
		refused error  // the API's answer
		asked   bool
		wrote   bool
	}{
		{why: "there is none", name: zone, asked: true, wrote: true},
		{why: "another name", name: "other.example.com"},
		{why: "one that was made by hand tells of the zone", name: zone, tells: "mine"},
		{why: "k8gb's operator runs", name: zone, k8gb: true},
		{why: "k8gb's kinds alone are installed", name: zone, lacking: true},
		{why: "the cache has not heard of it", name: zone, asked: true, refused: apierrors.NewAlreadyExists(resource, zone)},
		{why: "no right to", name: zone, asked: true, refused: apierrors.NewForbidden(resource, zone, nil)},
	} {
		t.Run(c.why, func(t *testing.T) {
			var made []*gslbv1beta1.ZoneDelegation
			api := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
				Create: func(_ context.Context, _ client.WithWatch, obj client.Object, _ ...client.CreateOption) error {
					made = append(made, obj.(*gslbv1beta1.ZoneDelegation))
					return c.refused
				},
			}).Build()
			intent := gslb.ZoneIntent{Zone: gslb.MustName(zone), EdgeZone: gslb.MustName("example.com")}
			own := &collector{operator: &operator{}, sources: map[string]*source{gslbv1beta1.ZoneDelegationKind: {absent: c.lacking}}}
			if c.k8gb {
				own.operator.runs = map[types.NamespacedName]struct{}{{Namespace: "k8gb", Name: "k8gb"}: {}}
			}
			own.zones.Store(&translate.ZonesOutput{Zones: []translate.Zone{{ZoneIntent: intent, Configured: true, Delegation: c.tells}}})
			ctrl := &Controllers{cfg: Config{Zone: &intent}, collector: own, client: api}
			wrote, err := ctrl.writeZone(t.Context(), types.NamespacedName{Name: c.name})
			assert.Equal(t, c.wrote, wrote)
			assert.Equal(t, apierrors.IsForbidden(c.refused), err != nil, "%v", err)
			if !c.asked {
				assert.Empty(t, made)
				return
			}
			require.Len(t, made, 1)
			assert.Equal(t, metav1.ObjectMeta{Name: zone, Labels: map[string]string{"app.kubernetes.io/managed-by": "meridian"}}, made[0].ObjectMeta)
			assert.Equal(t, gslbv1beta1.ZoneDelegationSpec{LoadBalancedZone: zone, ParentZone: "example.com"}, made[0].Spec)
		})
	}
}
