// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
)

func instance(name string) option { return func(c *controllers.Config) { c.Instance = name } }

// holder changes the Lease, and gives who holds it then.
func (s *site) lease(change func(*coordinationv1.Lease)) {
	s.t.Helper()
	eventually(s.t, func() error {
		lease := &coordinationv1.Lease{}
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: "meridian", Name: "meridian"}, lease); err != nil {
			return err
		}
		change(lease)
		return s.api.Update(s.t.Context(), lease)
	})
}

// leads waits until the site is the leader, or is not.
func (s *site) leads(want int) {
	s.t.Helper()
	eventually(s.t, func() error {
		if have := s.metric("meridian_controllers_leader"); have != want {
			return notYet("leader is %d", have)
		}
		return nil
	})
}

func TestLosingTheLeaseStopsTheWritersAndNothingElse(t *testing.T) {
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)

	thief, hour := "thief", int32(3600)
	s.lease(func(l *coordinationv1.Lease) {
		now := metav1.NowMicro()
		l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds, l.Spec.RenewTime = &thief, &hour, &now
	})
	s.leads(0)
	written := len(s.writes.list())
	setReady(t, s.api, ns, "shop", false)
	s.answers("shop.cloud.example.com")
	assert.Len(t, s.writes.list(), written, "the answers changed, and nothing was written of it")

	s.lease(func(l *coordinationv1.Lease) { nobody := ""; l.Spec.HolderIdentity = &nobody })
	s.leads(1)
	s.condition(ns, "shop", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
}

func TestNewLeaderWritesNothingThatIsRightAlready(t *testing.T) {
	first := newSite(t, server)
	ns := namespace(t, first.api, nil)
	app(t, first.api, ns, "shop", true)
	g := embedded(ns, "shop", "shop.cloud.example.com", "shop")
	require.NoError(t, first.api.Create(t.Context(), g))
	ing := ingressOf(ns, "web", "web.cloud.example.com", "shop", nil)
	ing.Annotations = map[string]string{gslbv1beta1.AnnotationStrategy: "roundRobin"}
	ingress(t, first.api, ing, "192.0.2.1")
	first.condition(ns, "web", gslbv1beta1.ConditionServing, metav1.ConditionTrue, gslbv1beta1.ReasonServing)
	first.condition(ns, "shop", gslbv1beta1.ConditionResolved, metav1.ConditionFalse, gslbv1beta1.ReasonAddressUnknown)
	require.Empty(t, first.quiet())

	second := newSite(t, server, instance("two"))
	second.answers("web.cloud.example.com", "192.0.2.1")
	first.stop()
	second.leads(1)
	assert.Empty(t, second.quiet())

	setReady(t, second.api, ns, "shop", false)
	second.condition(ns, "web", gslbv1beta1.ConditionServing, metav1.ConditionFalse, gslbv1beta1.ReasonNoLocalReadyEndpoints)
	assert.NotEmpty(t, second.writes.list())
}
