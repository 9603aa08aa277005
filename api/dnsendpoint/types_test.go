// SPDX-License-Identifier: Apache-2.0

package dnsendpoint_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/dnsendpoint"
)

const text = `
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: mail, namespace: shop, labels: {a: b}}
spec:
  endpoints:
  - dnsName: mail.cloud.example.com
    recordType: MX
    recordTTL: 60
    targets: [10 mx.example.net]
    setIdentifier: one
    labels: {c: d}
    providerSpecific: [{name: e, value: f}]
status: {observedGeneration: 3}
`

func TestACopySharesNothing(t *testing.T) {
	read := func() *dnsendpoint.DNSEndpoint {
		e := &dnsendpoint.DNSEndpoint{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(text), e), "every field of ExternalDNS's kind is known")
		return e
	}
	e := read()
	list := &dnsendpoint.List{Items: []dnsendpoint.DNSEndpoint{*e}}
	for _, copied := range []*dnsendpoint.DNSEndpoint{e.DeepCopy(), &list.DeepCopyObject().(*dnsendpoint.List).Items[0]} {
		require.Equal(t, e, copied)
		copied.Labels["a"] = "changed"
		p := &copied.Spec.Endpoints[0]
		p.Targets[0], p.Labels["c"], p.ProviderSpecific[0].Value, p.DNSName = "changed", "changed", "changed", "changed"
		assert.Equal(t, read(), e)
	}
}

func TestTheSchemeKnowsTheKind(t *testing.T) {
	s := runtime.NewScheme()
	require.NoError(t, dnsendpoint.AddToScheme(s))
	for kind, want := range map[string]runtime.Object{"DNSEndpoint": &dnsendpoint.DNSEndpoint{}, "DNSEndpointList": &dnsendpoint.List{}} {
		got, err := s.New(dnsendpoint.GroupVersion.WithKind(kind))
		require.NoError(t, err)
		assert.IsType(t, want, got)
	}
}
