// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// removals is an edge that notes what is taken out of it.
type removals struct{ zones []string }

func (r *removals) Status() []edge.ZoneStatus { return nil }

func (r *removals) Changed() <-chan struct{} { return nil }

func (r *removals) Remove(_ context.Context, zone, _ gslb.Name) error {
	r.zones = append(r.zones, zone.String())
	return nil
}

func TestADelegationGoesOutOfTheEdgeBeforeItsObjectGoes(t *testing.T) {
	const zone = "cloud.example.com"
	for _, c := range []struct {
		why     string
		served  []string // objects whose wish the zone is served by; "flags", and NAME by flags
		removed []string
		stays   bool
	}{
		{"nobody else serves it", nil, []string{zone}, false},
		{"its deletion was not translated yet: it waits for that", []string{"ours"}, nil, true},
		{"another object asks for the zone", []string{"other"}, nil, false},
		{"the flags ask for the zone", []string{"flags"}, nil, false},
		{"the flags ask for the zone, and this object tells of it", []string{"ours by flags"}, nil, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			now := metav1.Now()
			zd := &gslbv1beta1.ZoneDelegation{
				ObjectMeta: metav1.ObjectMeta{Name: "ours", DeletionTimestamp: &now, Finalizers: []string{gslbv1beta1.FinalizerDelegation}},
				Spec:       gslbv1beta1.ZoneDelegationSpec{LoadBalancedZone: zone, ParentZone: "example.com", DoFinalize: true},
			}
			scheme, err := NewScheme()
			require.NoError(t, err)
			out := &removals{}
			ctrl := &Controllers{cfg: Config{Edge: out}, collector: &collector{}, client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(zd).Build()}
			zones := translate.ZonesOutput{}
			for _, name := range c.served {
				z := translate.Zone{Configured: strings.HasSuffix(name, "flags"), Delegation: strings.TrimSuffix(strings.TrimSuffix(name, "flags"), " by ")}
				z.Zone = gslb.MustName(zone)
				zones.Zones = append(zones.Zones, z)
			}
			ctrl.collector.zones.Store(&zones)
			_, err = ctrl.writeZone(t.Context(), types.NamespacedName{Name: "ours"})
			require.NoError(t, err)
			assert.Equal(t, c.removed, out.zones)
			err = ctrl.client.Get(t.Context(), client.ObjectKeyFromObject(zd), &gslbv1beta1.ZoneDelegation{})
			assert.Equal(t, c.stays, err == nil, "its finalizer holds it: %v", err)
		})
	}
}
