// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

func notYet(format string, args ...any) error { return fmt.Errorf("not yet: "+format, args...) }

// namespace makes a namespace of its own for a test, and empties it after it.
func namespace(t testing.TB, api client.Client, labels map[string]string) string {
	t.Helper()
	ns := namespaceOnly(t, api)
	if labels != nil {
		obj := &corev1.Namespace{}
		require.NoError(t, api.Get(t.Context(), client.ObjectKey{Name: ns}, obj))
		maps.Copy(obj.Labels, labels)
		require.NoError(t, api.Update(t.Context(), obj))
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, obj := range []client.Object{&gslbv1beta1.Gslb{}, &networkingv1.Ingress{}, &corev1.Service{}, &discoveryv1.EndpointSlice{}} {
			require.NoError(t, api.DeleteAllOf(ctx, obj, client.InNamespace(ns)))
		}
	})
	return ns
}

// namespaceOnly makes a namespace of its own on a server that goes with the test.
func namespaceOnly(t testing.TB, api client.Client) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "test-" + rand.String(6)}}
	require.NoError(t, api.Create(t.Context(), ns))
	return ns.Name
}

// app makes a Service with one EndpointSlice of two endpoints.
func app(t testing.TB, api client.Client, ns, name string, ready bool) {
	t.Helper()
	require.NoError(t, api.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	}))
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name + "-1", Labels: map[string]string{
			discoveryv1.LabelServiceName: name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io",
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, ip := range []string{"10.1.0.1", "10.1.0.2"} {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: ns, Name: name},
		})
	}
	require.NoError(t, api.Create(t.Context(), slice))
}

// setReady makes all endpoints of an app ready, or none.
func setReady(t testing.TB, api client.Client, ns, name string, ready bool) {
	t.Helper()
	slice := &discoveryv1.EndpointSlice{}
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name + "-1"}, slice))
	for i := range slice.Endpoints {
		slice.Endpoints[i].Conditions.Ready = &ready
	}
	require.NoError(t, api.Update(t.Context(), slice))
}

func rules(host, service string) []networkingv1.IngressRule {
	prefix := networkingv1.PathTypePrefix
	return []networkingv1.IngressRule{{
		Host: host,
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
			Path: "/", PathType: &prefix,
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service, Port: networkingv1.ServiceBackendPort{Name: "http"}}},
		}}}},
	}}
}

// ingress makes an Ingress with addresses in its status.
func ingress(t testing.TB, api client.Client, ing *networkingv1.Ingress, addrs ...string) *networkingv1.Ingress {
	t.Helper()
	require.NoError(t, api.Create(t.Context(), ing))
	setAddresses(t, api, ing, addrs...)
	return ing
}

// setAddresses writes the status of an Ingress as a controller of Ingresses does.
func setAddresses(t testing.TB, api client.Client, ing *networkingv1.Ingress, addrs ...string) {
	t.Helper()
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ing), ing); err != nil {
			return err
		}
		ing.Status.LoadBalancer.Ingress = nil
		for _, a := range addrs {
			ing.Status.LoadBalancer.Ingress = append(ing.Status.LoadBalancer.Ingress, networkingv1.IngressLoadBalancerIngress{IP: a})
		}
		return api.Status().Update(t.Context(), ing)
	})
}

// embedded is a Gslb with an embedded Ingress.
func embedded(ns, name, host, service string) *gslbv1beta1.Gslb {
	prefix := gslbv1beta1.PathType("Prefix")
	return &gslbv1beta1.Gslb{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: gslbv1beta1.GslbSpec{
			Strategy: gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin},
			Ingress: &gslbv1beta1.IngressSpec{Rules: []gslbv1beta1.IngressRule{{
				Host: gslbv1beta1.Host(host),
				HTTP: &gslbv1beta1.HTTPIngressRuleValue{Paths: []gslbv1beta1.HTTPIngressPath{{
					Path: "/", PathType: &prefix,
					Backend: gslbv1beta1.IngressBackend{Service: &gslbv1beta1.IngressServiceBackend{Name: service, Port: gslbv1beta1.ServiceBackendPort{Name: "http"}}},
				}}},
			}}},
		},
	}
}

// referring is a Gslb with a resourceRef to an Ingress.
func referring(ns, name string, ref gslbv1beta1.ResourceRef) *gslbv1beta1.Gslb {
	ref.APIVersion, ref.Kind = "networking.k8s.io/v1", "Ingress"
	return &gslbv1beta1.Gslb{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       gslbv1beta1.GslbSpec{Strategy: gslbv1beta1.Strategy{Type: gslbv1beta1.RoundRobin}, ResourceRef: &ref},
	}
}

// answers waits until the World answers a host with exactly these addresses.
func (s *site) answers(host string, want ...string) {
	s.t.Helper()
	eventually(s.t, func() error {
		w := s.store.World()
		if w == nil || !w.Ready {
			return notYet("the World is not ready")
		}
		h := w.Host(gslb.MustName(host))
		if h == nil {
			return notYet("nobody offers %s", host)
		}
		d := strategies.Decide(h)
		have := texts(d.Addrs())
		if !slices.Equal(have, want) {
			return notYet("%s answers %v, not %v", host, have, want)
		}
		return nil
	})
}

// absent waits until nobody offers a host.
func (s *site) absent(host string) {
	s.t.Helper()
	eventually(s.t, func() error {
		if w := s.store.World(); w == nil || !w.Ready || w.Host(gslb.MustName(host)) != nil {
			return notYet("%s is offered", host)
		}
		return nil
	})
}

func texts(addrs []netip.Addr) []string {
	all := []string{}
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return all
}

// condition waits until a Gslb has a condition with a status and reason.
func (s *site) condition(ns, name, kind string, status metav1.ConditionStatus, reason string) *gslbv1beta1.Gslb {
	s.t.Helper()
	g := &gslbv1beta1.Gslb{}
	eventually(s.t, func() error {
		if err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: ns, Name: name}, g); err != nil {
			return err
		}
		c := meta.FindStatusCondition(g.Status.Conditions, kind)
		if c == nil || c.Status != status || c.Reason != reason {
			return notYet("condition %s is %+v, not %s %s", kind, c, status, reason)
		}
		return nil
	})
	return g
}

// events gives the messages of the events about an object.
func (s *site) events(kind, ns, name string) []string {
	s.t.Helper()
	var list corev1.EventList
	require.NoError(s.t, s.api.List(s.t.Context(), &list, client.InNamespace(ns)))
	var all []string
	for i := range list.Items {
		if e := &list.Items[i]; e.InvolvedObject.Kind == kind && e.InvolvedObject.Name == name {
			all = append(all, e.Type+" "+e.Reason+" "+e.Message)
		}
	}
	return all
}

func containing(all []string, part string) bool {
	return slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, part) })
}

// quotaOfIngresses allows so many Ingresses in a namespace.
func quotaOfIngresses(ns string, n int64) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ingresses"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"count/ingresses.networking.k8s.io": *resource.NewQuantity(n, resource.DecimalSI)}},
	}
}

// setQuotaStatus makes a quota count, as the quota controller does.
func setQuotaStatus(t testing.TB, api client.Client, q *corev1.ResourceQuota) {
	t.Helper()
	q.Status.Hard = q.Spec.Hard
	q.Status.Used = corev1.ResourceList{"count/ingresses.networking.k8s.io": resource.MustParse("0")}
	require.NoError(t, api.Status().Update(t.Context(), q))
}
