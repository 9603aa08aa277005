// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// ledger is a store that notes what it is told.
type ledger struct {
	mu      sync.Mutex
	objects map[string][]*gslb.Offer
	sets    int
	meant   []string // removed past the guard of hosts
	zones   []gslb.ZoneIntent
	local   gslb.LocalState
}

func (l *ledger) World() *gslb.World { return nil }

func (l *ledger) SetObjectAt(_ time.Time, src gslb.Source, offers []*gslb.Offer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sets++
	if l.objects == nil {
		l.objects = make(map[string][]*gslb.Offer)
	}
	l.objects[src.String()] = offers
}

func (l *ledger) RemoveObjectAt(at time.Time, src gslb.Source) {
	l.SetObjectAt(at, src, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meant = append(l.meant, src.Name)
}

func (l *ledger) SetZones(zones []gslb.ZoneIntent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.zones = zones
}

func (l *ledger) UpdateLocal(f func(*gslb.LocalState)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.local)
}

func (l *ledger) Mailbox() *gslb.Mailbox { return nil }

// of gives what the store was told last of a Gslb in namespace a.
func (l *ledger) of(name string) []*gslb.Offer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.objects["Gslb a/"+name]
}

// bench is a collector over objects that a test changes by hand.
type bench struct {
	*collector
	api   client.Client
	store *ledger
	log   *logbook
	told  []task
	names askerOf
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme, err := NewScheme()
	require.NoError(t, err)
	b := &bench{store: &ledger{}, log: &logbook{}}
	b.api = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&networkingv1.Ingress{}).
		WithIndex(&discoveryv1.EndpointSlice{}, slicePair, pairsOfSlice).
		WithIndex(&discoveryv1.EndpointSlice{}, byAddress, addressesOfObject).
		WithIndex(&corev1.Service{}, byAddress, addressesOfObject).Build()
	cfg := &Config{Store: b.store, Self: "eu", Asker: &b.names, RemovalHold: gslb.DefaultRemovalHold,
		Zone: &gslb.ZoneIntent{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}}
	b.collector, err = newCollector(cfg, slog.New(slog.NewTextHandler(b.log, nil)), testMetrics(t), b.api, func(tk task) { b.told = append(b.told, tk) })
	require.NoError(t, err)
	b.translateZones(t.Context())
	return b
}

// application is a Gslb that refers to an Ingress of its name, with a Service that has
// one endpoint.
func application(name string, ready bool) []client.Object {
	meta := metav1.ObjectMeta{Namespace: "a", Name: name, UID: types.UID(name)}
	slice := meta
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"}
	ing := &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: name + ".cloud.example.com"}}}}
	ing.Spec.Rules[0].HTTP = &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
		Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name}}}}}
	ing.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}}
	return []client.Object{
		&gslbv1beta1.Gslb{ObjectMeta: meta, Spec: gslbv1beta1.GslbSpec{
			Strategy:    gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin},
			ResourceRef: &gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: name},
		}},
		ing,
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": name}}},
		&discoveryv1.EndpointSlice{ObjectMeta: slice, Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}, TargetRef: &corev1.ObjectReference{Kind: "Pod"}}}},
	}
}
