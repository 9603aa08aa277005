// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers"
	"github.com/meridian-gslb/meridian/controllers/externaldns"
	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/edge/edgetest"
	"github.com/meridian-gslb/meridian/gslb"
)

// withExternalDNS has a site keep its delegations in DNSEndpoints, and read them back
// from an edge zone in memory.
func withExternalDNS(t *testing.T, zone *edgetest.Zone, writes *counter) option {
	return func(c *controllers.Config) {
		own := asMeridian(server)
		own.Wrap(writes.wrap)
		api, err := externaldns.NewClient(own)
		require.NoError(t, err)
		objects, err := externaldns.New(externaldns.Config{Client: api, Namespace: c.Namespace, Logger: c.Logger})
		require.NoError(t, err)
		store, ok := c.Store.(*gslb.Store)
		require.True(t, ok)
		k, err := edge.New(edge.Config{Worlds: store.Mailbox().C(), Store: store, Objects: objects, Reader: zone, Log: c.Logger})
		require.NoError(t, err)
		c.Edge, c.Lead, c.Addrs = k, objects.Lead, []netip.Addr{netip.MustParseAddr("198.51.100.53")}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		var group sync.WaitGroup
		group.Go(func() { assert.NoError(t, objects.Run(ctx)) })
		group.Go(func() { assert.NoError(t, k.Run(ctx)) })
		t.Cleanup(func() { cancel(); group.Wait() })
	}
}

// dnsEndpoint reads the DNSEndpoint of ext.example.org; nil: there is none.
func (s *site) dnsEndpoint() *unstructured.Unstructured {
	s.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(externaldns.Kind)
	err := s.api.Get(s.t.Context(), client.ObjectKey{Namespace: "meridian", Name: "meridian-ext.example.org"}, u)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil
	}
	require.NoError(s.t, err)
	return u
}

// carry is one round of ExternalDNS.
func (s *site) carry(zone *edgetest.Zone) {
	s.t.Helper()
	u := s.dnsEndpoint()
	require.NotNil(s.t, u)
	all, _, err := unstructured.NestedSlice(u.Object, "spec", "endpoints")
	require.NoError(s.t, err)
	types := map[any]uint16{"NS": edge.TypeNS, "A": edge.TypeA, "AAAA": edge.TypeAAAA}
	for _, one := range all {
		e, ok := one.(map[string]any)
		require.True(s.t, ok)
		targets, _, err := unstructured.NestedStringSlice(e, "targets")
		require.NoError(s.t, err)
		if e["recordType"] == "NS" {
			for i := range targets {
				targets[i] += "."
			}
		}
		name, _ := e["dnsName"].(string)
		zone.Set(name, types[e["recordType"]], targets...)
	}
	require.NoError(s.t, unstructured.SetNestedField(u.Object, u.GetGeneration(), "status", "observedGeneration"))
	require.NoError(s.t, s.api.Status().Update(s.t.Context(), u))
}

// listed waits until the DNSEndpoint names exactly these clusters.
func (s *site) listed(tags ...string) *unstructured.Unstructured {
	s.t.Helper()
	var found *unstructured.Unstructured
	eventually(s.t, func() error {
		if found = s.dnsEndpoint(); found == nil {
			return notYet("there is no DNSEndpoint")
		}
		all, _, _ := unstructured.NestedSlice(found.Object, "spec", "endpoints")
		var names []string
		for _, one := range all {
			if e, ok := one.(map[string]any); ok && e["recordType"] == "NS" {
				names, _, _ = unstructured.NestedStringSlice(e, "targets")
			}
		}
		var want []string
		for _, t := range tags {
			want = append(want, "gslb-ns-"+t+"-ext.example.org")
		}
		if !slices.Equal(names, want) {
			return notYet("the DNSEndpoint names %v, not %v", names, want)
		}
		return nil
	})
	return found
}

func installDNSEndpoints(t *testing.T, api client.Client) {
	t.Helper()
	raw, err := os.ReadFile("../externaldns/testdata/dnsendpoints.externaldns.k8s.io.yaml")
	require.NoError(t, err)
	crd := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, yaml.UnmarshalStrict(raw, crd))
	options := envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{crd}}
	_, err = envtest.InstallCRDs(server, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, envtest.UninstallCRDs(server, options)) })
	u := &unstructured.UnstructuredList{}
	u.SetGroupVersionKind(externaldns.Kind)
	eventually(t, func() error { return api.List(t.Context(), u) })
}

// TestDelegationByExternalDNS is the story of one DNSEndpoint on a real API server, with
// the rights of controllers/rbac and ExternalDNS's own definition.
func TestDelegationByExternalDNS(t *testing.T) {
	zone, writes := &edgetest.Zone{}, newCounter()
	s := newSite(t, server, withExternalDNS(t, zone, writes))
	zd := zoneDelegation("ext", "ext.example.org")
	zd.Spec.DoFinalize = true
	delegation(t, s.api, zd)
	late := s.zoneCondition("ext", gslbv1beta1.ConditionDelegated, metav1.ConditionFalse, gslbv1beta1.ReasonDNSEndpointUnavailable)
	assert.Contains(t, meta.FindStatusCondition(late.Status.Conditions, gslbv1beta1.ConditionDelegated).Message, "install ExternalDNS")

	installDNSEndpoints(t, s.api)
	u := s.listed("eu")
	require.Len(t, u.GetManagedFields(), 1)
	assert.Equal(t, "meridian", u.GetManagedFields()[0].Manager)
	assert.Equal(t, metav1.ManagedFieldsOperationApply, u.GetManagedFields()[0].Operation)
	s.zoneCondition("ext", gslbv1beta1.ConditionDelegated, metav1.ConditionFalse, gslbv1beta1.ReasonDNSEndpointPending)

	s.carry(zone)
	s.zoneCondition("ext", gslbv1beta1.ConditionDelegated, metav1.ConditionTrue, gslbv1beta1.ReasonDelegated)
	assert.Equal(t, []string{"198.51.100.53"}, zone.Get("gslb-ns-eu-ext.example.org", edge.TypeA))

	require.NoError(t, s.store.SetReport(&gslb.Report{
		Cluster: "us", ClusterID: "us-id", Instance: "us-1", Zone: gslb.MustName("ext.example.org"), EdgeZone: gslb.MustName("example.org"), Serial: 1,
		NameServers: []gslb.NameServer{{Cluster: "us", Name: gslb.MustName("gslb-ns-us-ext.example.org"), Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::2")}}},
	}))
	s.listed("eu", "us")
	s.carry(zone)
	s.zoneCondition("ext", gslbv1beta1.ConditionDelegated, metav1.ConditionTrue, gslbv1beta1.ReasonDelegated)
	eventually(t, func() error { // us is not heard again: it is lost
		if c := s.store.World().Cluster("us"); c.Liveness != gslb.Lost {
			return notYet("us is %s", c.Liveness)
		}
		return nil
	})
	s.quiet()
	before := len(writes.list())
	assert.Empty(t, s.quiet(), "a quiet system writes nothing")
	assert.Len(t, writes.list(), before, "no DNSEndpoint either")
	s.listed("eu", "us")

	require.NoError(t, s.api.Delete(t.Context(), s.dnsEndpoint()))
	s.listed("eu", "us")
	s.carry(zone)

	require.NoError(t, s.api.Delete(t.Context(), zd))
	s.listed("us")
	s.carry(zone)
	eventually(t, func() error {
		if err := s.api.Get(t.Context(), client.ObjectKeyFromObject(zd), zd); !apierrors.IsNotFound(err) {
			return errors.Join(notYet("the ZoneDelegation is there"), err)
		}
		return nil
	})
	assert.Nil(t, s.dnsEndpoint())
	for _, w := range writes.list() {
		assert.Contains(t, w, "/namespaces/meridian/dnsendpoints/")
	}
}
