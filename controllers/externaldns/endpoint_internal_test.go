// SPDX-License-Identifier: Apache-2.0

package externaldns

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/edge"
	"github.com/meridian-gslb/meridian/gslb"
)

func TestObjectIsWrittenWhereItSaysSomethingElse(t *testing.T) {
	d := edge.FullDelegation{Zone: gslb.MustName("cloud.example.com"), EdgeZone: gslb.MustName("example.com")}
	want := encode(d, "meridian")
	for why, change := range map[string]func(*unstructured.Unstructured){
		"without the label ExternalDNS passes it over": func(u *unstructured.Unstructured) { u.SetLabels(nil) },
		"it tells of its zone":                         func(u *unstructured.Unstructured) { u.SetAnnotations(nil) },
		"other records":                                func(u *unstructured.Unstructured) { u.Object["spec"] = map[string]any{} },
	} {
		have := want.DeepCopy()
		assert.True(t, says(have, want))
		change(have)
		assert.False(t, says(have, want), why)
	}
	more := want.DeepCopy()
	more.SetAnnotations(map[string]string{AnnotationZone: "cloud.example.com", AnnotationEdgeZone: "example.com", AnnotationWithout: "us"})
	assert.True(t, says(more, want), "what others add stays")
}

func TestObjectIsReadAsItsZoneMeansIt(t *testing.T) {
	u := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(`
metadata: {name: meridian-cloud.example.com, namespace: meridian, generation: 3}
spec:
  endpoints:
  - {dnsName: cloud.example.com, recordType: NS, targets: [gslb-ns-eu-cloud.example.com]}
  - {dnsName: other.example.com, recordType: NS, targets: [ns.other.example.com]}
  - {dnsName: gslb-ns-eu-cloud.example.com, recordType: A, targets: [192.0.2.53]}
status: {observedGeneration: 2}
`), &u.Object))
	o := decode(u, gslb.MustName("cloud.example.com"))
	require.Len(t, o.NameServers, 1, "the delegation of another zone is none of its own")
	assert.Equal(t, "gslb-ns-eu-cloud.example.com", o.NameServers[0].Name.String())
	assert.Len(t, o.NameServers[0].Addrs, 1)
	assert.False(t, o.Observed, "ExternalDNS read what it said before")
	require.NoError(t, unstructured.SetNestedField(u.Object, int64(3), "status", "observedGeneration"))
	u.SetGeneration(3)
	assert.True(t, decode(u, gslb.MustName("cloud.example.com")).Observed)
}
