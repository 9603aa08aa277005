// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

// keeper is an edge whose delegations are what the test says.
type keeper struct {
	changed chan struct{}

	mu      sync.Mutex
	zones   []edge.ZoneStatus
	broken  error
	removed []string
}

func newKeeper() *keeper { return &keeper{changed: make(chan struct{}, 1)} }

func (k *keeper) Changed() <-chan struct{} { return k.changed }

func (k *keeper) Status() []edge.ZoneStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]edge.ZoneStatus(nil), k.zones...)
}

func (k *keeper) set(zones ...edge.ZoneStatus) {
	k.mu.Lock()
	k.zones = zones
	k.mu.Unlock()
	k.changed <- struct{}{}
}

func (k *keeper) Remove(_ context.Context, zone, parent gslb.Name) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken != nil {
		return k.broken
	}
	k.removed = append(k.removed, zone.String()+" from "+parent.String())
	return nil
}

func (k *keeper) mend(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.broken = err
}

func (k *keeper) list() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.removed...)
}

func withKeeper(k *keeper) option { return func(c *controllers.Config) { c.Edge = k } }

// delegation makes a ZoneDelegation, and removes it after the test, whatever holds it.
func delegation(t testing.TB, api client.Client, zd *gslbv1beta1.ZoneDelegation) {
	t.Helper()
	require.NoError(t, api.Create(t.Context(), zd))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		require.NoError(t, client.IgnoreNotFound(api.Patch(ctx, zd, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))))
		require.NoError(t, client.IgnoreNotFound(api.Delete(ctx, zd)))
	})
}

func zoneDelegation(name, zone string) *gslbv1beta1.ZoneDelegation {
	return &gslbv1beta1.ZoneDelegation{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       gslbv1beta1.ZoneDelegationSpec{LoadBalancedZone: gslbv1beta1.Zone(zone), ParentZone: "example.org"},
	}
}

// zoneCondition waits until a ZoneDelegation has a condition.
func (s *site) zoneCondition(name, kind string, status metav1.ConditionStatus, reason string) *gslbv1beta1.ZoneDelegation {
	s.t.Helper()
	zd := &gslbv1beta1.ZoneDelegation{}
	eventually(s.t, func() error {
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Name: name}, zd); err != nil {
			return err
		}
		c := meta.FindStatusCondition(zd.Status.Conditions, kind)
		if c == nil || c.Status != status || c.Reason != reason {
			return notYet("condition %s is %+v, not %s %s", kind, c, status, reason)
		}
		return nil
	})
	return zd
}

func TestZoneDelegationOpensItsHostsAndTellsOfTheEdge(t *testing.T) {
	k := newKeeper()
	ns := types.NamespacedName{Namespace: "default", Name: "meridian-dns"}
	s := newSite(t, server, withKeeper(k), func(c *controllers.Config) { c.OwnService = ns })
	own := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns.Namespace, Name: ns.Name},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 53}}}}
	require.NoError(t, s.api.Create(t.Context(), own))
	t.Cleanup(func() { require.NoError(t, s.api.Delete(context.WithoutCancel(t.Context()), own)) })
	apps := namespace(t, s.api, nil)
	app(t, s.api, apps, "shop", true)
	ingress(t, s.api, ingressOf(apps, "web", "shop.lb.example.org", "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(apps, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.condition(apps, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonHostOutsideZones)

	delegation(t, s.api, zoneDelegation("lb", "lb.example.org"))
	s.answers("shop.lb.example.org", "192.0.2.1")
	s.condition(apps, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
	s.zoneCondition("lb", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)

	zoneName := gslb.MustName("lb.example.org")
	k.set(edge.ZoneStatus{Zone: zoneName, Reason: edge.ReasonRefused, RCODE: "REFUSED", Message: "127.0.0.1:53 refused"})
	zd := s.zoneCondition("lb", gslbv1beta1.ConditionDelegated, metav1.ConditionFalse, gslbv1beta1.ReasonUpdateRefused)
	assert.Contains(t, meta.FindStatusCondition(zd.Status.Conditions, gslbv1beta1.ConditionDelegated).Message, "REFUSED")
	assert.Empty(t, zd.Status.DNSServers, "the Service has no address yet")

	own.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "198.51.100.53"}}
	require.NoError(t, s.api.Status().Update(t.Context(), own))
	k.set(edge.ZoneStatus{Zone: zoneName, OK: true, Reason: edge.ReasonDelegated,
		NameServers: []gslb.NameServer{{Name: gslb.MustName("gslb-ns-eu-lb.example.org")}}})
	s.zoneCondition("lb", gslbv1beta1.ConditionDelegated, metav1.ConditionTrue, gslbv1beta1.ReasonDelegated)
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(zd), zd))
		want := []gslbv1beta1.DNSServer{{Name: "gslb-ns-eu-lb.example.org", Address: "198.51.100.53"}}
		if len(zd.Status.DNSServers) != 1 || zd.Status.DNSServers[0] != want[0] {
			return notYet("name servers are %v", zd.Status.DNSServers)
		}
		return nil
	})
	assert.Equal(t, "198.51.100.53", texts(s.store.World().Zone(zoneName).Addrs)[0])

	own.Status.LoadBalancer.Ingress = nil
	require.NoError(t, s.api.Status().Update(t.Context(), own))
	assert.Empty(t, s.quiet())
	assert.Equal(t, "198.51.100.53", texts(s.store.World().Zone(zoneName).Addrs)[0], "the last addresses stay")

	require.NoError(t, s.api.Delete(t.Context(), zd))
	s.condition(apps, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonHostOutsideZones)
	assert.Empty(t, k.list(), "without doFinalize the delegation stays")
}

func TestZoneIsOpenToTheNamespacesThatItAllows(t *testing.T) {
	s := newSite(t, server)
	zd := zoneDelegation("teams", "teams.example.org")
	zd.Spec.AllowedNamespaces = &gslbv1beta1.LabelSelector{MatchLabels: map[string]gslbv1beta1.LabelValue{"team": "blue"}}
	delegation(t, s.api, zd)
	ns := namespace(t, s.api, map[string]string{"team": "green"})
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.teams.example.org", "shop", nil), "192.0.2.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.condition(ns, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonNamespaceNotAllowed)

	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"team":"blue"}}}`))
	require.NoError(t, s.api.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, patch))
	s.answers("shop.teams.example.org", "192.0.2.1")
}

func TestZoneWithDoFinalizeGoesAfterItsDelegation(t *testing.T) {
	k := newKeeper()
	s := newSite(t, server, withKeeper(k))
	zd := zoneDelegation("final", "final.example.org")
	zd.Spec.DoFinalize = true
	delegation(t, s.api, zd)
	eventually(t, func() error {
		require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(zd), zd))
		if len(zd.Finalizers) == 0 {
			return notYet("no finalizer")
		}
		return nil
	})
	k.mend(errors.New("the edge is away"))
	require.NoError(t, s.api.Delete(t.Context(), zd))
	eventually(t, func() error {
		if s.store.World().Zone(gslb.MustName("final.example.org")) != nil {
			return notYet("the zone is served")
		}
		return nil
	})
	s.quiet()
	require.NoError(t, s.api.Get(t.Context(), client.ObjectKeyFromObject(zd), zd), "it stays while its delegation cannot be removed")

	k.mend(nil)
	eventually(t, func() error {
		if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(zd), zd); !apierrors.IsNotFound(err) {
			return notYet("it is there: %v", err)
		}
		return nil
	})
	assert.Equal(t, []string{"final.example.org from example.org"}, k.list())
}

// TestZoneOfTheConfigurationHasAZoneDelegation: it is made where there is none, tells of
// the zone, and one made by hand takes its place.
func TestZoneOfTheConfigurationHasAZoneDelegation(t *testing.T) {
	const name = "cloud.example.com"
	k := newKeeper()
	s := newSite(t, server, withKeeper(k))
	made := s.zoneCondition(name, gslbv1beta1.ConditionConnected, metav1.ConditionTrue, gslbv1beta1.ReasonConnected)
	assert.Equal(t, map[string]string{"app.kubernetes.io/managed-by": "meridian"}, made.Labels)
	assert.Equal(t, gslbv1beta1.Zone("example.com"), made.Spec.ParentZone)
	accepted := meta.FindStatusCondition(made.Status.Conditions, gslbv1beta1.ConditionAccepted)
	require.NotNil(t, accepted)
	assert.Equal(t, "zone cloud.example.com is served; the flags (--zone) give it, and this object tells of it", accepted.Message)
	k.set(edge.ZoneStatus{Zone: gslb.MustName(name), Reason: edge.ReasonRefused, RCODE: "REFUSED", Message: "127.0.0.1:53 refused"})
	s.zoneCondition(name, gslbv1beta1.ConditionDelegated, metav1.ConditionFalse, gslbv1beta1.ReasonUpdateRefused)

	second := zoneDelegation("double", name)
	second.Spec.ParentZone, second.Spec.DoFinalize = "example.com", true
	delegation(t, s.api, second)
	s.zoneCondition("double", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonZoneConflicted)
	other := zoneDelegation("elsewhere", name)
	other.Spec.ParentZone = "com"
	delegation(t, s.api, other)
	s.zoneCondition("elsewhere", gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonZoneConflicted)

	require.NoError(t, s.api.Delete(t.Context(), made))
	s.zoneCondition("double", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
	adopted := s.zoneCondition("double", gslbv1beta1.ConditionDelegated, metav1.ConditionFalse, gslbv1beta1.ReasonUpdateRefused)
	assert.Empty(t, adopted.Finalizers, "leaving a zone of the configuration is --on-stop leave")
	metav1.SetMetaDataAnnotation(&adopted.ObjectMeta, gslbv1beta1.AnnotationAllowMassRemoval, "true")
	require.NoError(t, s.api.Update(t.Context(), adopted))
	eventually(t, func() error {
		if !s.store.World().Zone(gslb.MustName(name)).AllowRemoval {
			return notYet("the annotation does not count")
		}
		return nil
	})
	assert.Empty(t, s.quiet())
	err := s.api.Get(t.Context(), client.ObjectKey{Name: name}, &gslbv1beta1.ZoneDelegation{})
	require.True(t, apierrors.IsNotFound(err), "the zone has one: %v", err)

	require.NoError(t, s.api.Delete(t.Context(), adopted))
	s.zoneCondition(name, gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
	assert.Empty(t, k.list(), "the delegation stays")
}
