// SPDX-License-Identifier: Apache-2.0

package v1beta1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// embedded has every field of an Ingress spec that the API takes.
const embedded = `
ingressClassName: nginx
defaultBackend:
  resource: {apiGroup: k8s.example.com, kind: StorageBucket, name: static}
tls:
- hosts: [app.cloud.example.com]
  secretName: app-tls
rules:
- host: app.cloud.example.com
  http:
    paths:
    - path: /
      pathType: Prefix
      backend: {service: {name: app, port: {name: http}}}
    - path: /api
      pathType: Exact
      backend: {service: {name: api, port: {number: 8080}}}
`

func TestEmbeddedIngressBecomesTheSameIngress(t *testing.T) {
	var ours gslbv1beta1.IngressSpec
	var theirs networkingv1.IngressSpec
	require.NoError(t, yaml.UnmarshalStrict([]byte(embedded), &ours))
	require.NoError(t, yaml.UnmarshalStrict([]byte(embedded), &theirs))
	assert.Equal(t, theirs, ours.ToNetworkingV1())
}

func TestBackendIsAnotherNameForDefaultBackend(t *testing.T) {
	backend := &gslbv1beta1.IngressBackend{Service: &gslbv1beta1.IngressServiceBackend{Name: "app", Port: gslbv1beta1.ServiceBackendPort{Number: 80}}}
	one := gslbv1beta1.IngressSpec{Backend: backend}
	other := gslbv1beta1.IngressSpec{DefaultBackend: backend}
	assert.Equal(t, other.ToNetworkingV1(), one.ToNetworkingV1())
	assert.NotNil(t, one.ToNetworkingV1().DefaultBackend)
}

func TestAConvertedIngressSharesNothing(t *testing.T) {
	var ours gslbv1beta1.IngressSpec
	require.NoError(t, yaml.UnmarshalStrict([]byte(embedded), &ours))
	before := ours.DeepCopy()
	converted := ours.ToNetworkingV1()
	*converted.IngressClassName = "changed"
	*converted.DefaultBackend.Resource.APIGroup = "changed"
	*converted.Rules[0].HTTP.Paths[0].PathType = "changed"
	converted.TLS[0].Hosts[0] = "changed"
	assert.Equal(t, *before, ours)
}

func TestHealthCheckDefaults(t *testing.T) {
	empty := gslbv1beta1.HealthCheck{}
	assert.Equal(t, 5*time.Second, empty.Interval())
	assert.Equal(t, 3*time.Second, empty.Timeout())
	assert.Equal(t, 2, empty.RiseCount())
	assert.Equal(t, 3, empty.FallCount())
	assert.Equal(t, "/", empty.PathOrDefault())
	assert.EqualValues(t, 80, empty.PortOrDefault())

	https := gslbv1beta1.HealthCheck{Kind: gslbv1beta1.CheckHTTPS, IntervalSeconds: new(int32(1))}
	assert.EqualValues(t, 443, https.PortOrDefault())
	assert.Equal(t, time.Second, https.Timeout(), "never longer than the interval")
	assert.Zero(t, (&gslbv1beta1.HealthCheck{Kind: gslbv1beta1.CheckTCP}).PortOrDefault())
}

func TestStatusRange(t *testing.T) {
	cases := []struct {
		why         string
		expected    *intstr.IntOrString
		first, last int
	}{
		{"nothing given", nil, 200, 399},
		{"a number", new(intstr.FromInt32(204)), 204, 204},
		{"a number as text", new(intstr.FromString("204")), 204, 204},
		{"a range", new(intstr.FromString("200-299")), 200, 299},
		{"what the schema refuses counts as absent", new(intstr.FromString("2xx")), 200, 399},
		{"so does a range the wrong way round", new(intstr.FromString("299-200")), 200, 399},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			check := gslbv1beta1.HealthCheck{ExpectedStatus: c.expected}
			first, last := check.StatusRange()
			assert.Equal(t, c.first, first)
			assert.Equal(t, c.last, last)
		})
	}
}

func TestDurationsHaveTheSchemasDefaults(t *testing.T) {
	strategy := gslbv1beta1.Strategy{}
	assert.Equal(t, 30*time.Second, strategy.DNSTTL())
	assert.Equal(t, 5*time.Minute, strategy.SplitBrainThreshold())
	strategy.DNSTTLSeconds = new(int32(0))
	assert.Zero(t, strategy.DNSTTL(), "zero is a value")
	zone := gslbv1beta1.ZoneDelegationSpec{}
	assert.Equal(t, 30*time.Second, zone.NegativeTTL())
	assert.Equal(t, 5*time.Minute, zone.SplitBrainThreshold())
	assert.Equal(t, 5*time.Minute, (&gslbv1beta1.Record{}).TTLOrDefault())
}

func TestSelectors(t *testing.T) {
	var ref gslbv1beta1.ResourceRef
	require.NoError(t, yaml.UnmarshalStrict([]byte(`
apiVersion: v1
kind: Service
matchLabels: {app: app}
matchExpressions: [{key: stage, operator: In, values: [prod, beta]}, {key: old, operator: DoesNotExist}]
`), &ref))
	assert.Equal(t, "app=app,!old,stage in (beta,prod)", metav1.FormatLabelSelector(ref.Selector()))
	ref.Name = "app"
	assert.Nil(t, ref.Selector(), "a reference by name has no selector")
	everything, err := metav1.LabelSelectorAsSelector((&gslbv1beta1.LabelSelector{}).ToMetaV1())
	require.NoError(t, err)
	assert.True(t, everything.Empty())
}

func TestSchemeKnowsTheKinds(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, gslbv1beta1.AddToScheme(scheme))
	for _, kind := range []string{"Gslb", "GslbList", "ZoneDelegation", "ZoneDelegationList"} {
		assert.True(t, scheme.Recognizes(gslbv1beta1.GroupVersion.WithKind(kind)), kind)
	}
}

// What is not set does not appear: writers compare what they would write.
func TestAnEmptyStatusIsNotWritten(t *testing.T) {
	bytes, err := json.Marshal(gslbv1beta1.Gslb{})
	require.NoError(t, err)
	assert.NotContains(t, string(bytes), "status")
	bytes, err = json.Marshal(gslbv1beta1.GslbStatus{})
	require.NoError(t, err)
	assert.JSONEq(t, "{}", string(bytes))
}
