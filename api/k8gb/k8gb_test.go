// SPDX-License-Identifier: Apache-2.0

package k8gb_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func read(t *testing.T, text string) *k8gb.Gslb {
	t.Helper()
	g := &k8gb.Gslb{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), g))
	return g
}

func TestSpecMeansTheSame(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"an embedded Ingress with failover", `
metadata: {namespace: test-gslb, name: app, annotations: {k8gb.io/exposed-ip-addresses: 192.0.2.1}}
spec:
  ingress:
    ingressClassName: nginx
    backend: {service: {name: rest, port: {number: 80}}}
    tls: [{hosts: [failover.cloud.example.com], secretName: app}]
    rules:
    - host: failover.cloud.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]}
  strategy: {type: failover, primaryGeoTag: eu, dnsTtlSeconds: 5, splitBrainThresholdSeconds: 600}
`, `
ingress:
  ingressClassName: nginx
  defaultBackend: {service: {name: rest, port: {number: 80}}}
  tls: [{hosts: [failover.cloud.example.com], secretName: app}]
  rules:
  - host: failover.cloud.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]}
serviceHealthPolicy: Any
serviceHealthScope: clusterset
strategy: {type: failover, primaryGeoTag: eu, dnsTtlSeconds: 5, splitBrainThresholdSeconds: 600, whenAllUnhealthy: empty}
`},
		{"labels, weights, All, and the empty ingress that k8gb stores beside a reference", `
metadata: {name: app}
spec:
  ingress: {}
  resourceRef: {kind: Ingress, matchLabels: {app: shop}, matchExpressions: [{key: tier, operator: In, values: [web]}]}
  strategy: {type: roundRobin, weight: {eu: 5, us-east: 0}}
  serviceHealthPolicy: All
`, `
resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, matchLabels: {app: shop}, matchExpressions: [{key: tier, operator: In, values: [web]}]}
serviceHealthPolicy: All
serviceHealthScope: clusterset
strategy: {type: roundRobin, weight: {eu: 5, us-east: 0}, dnsTtlSeconds: 30, splitBrainThresholdSeconds: 300, whenAllUnhealthy: empty}
`},
		{"a name goes before labels", `
metadata: {name: app}
spec:
  resourceRef: {apiVersion: networking.istio.io/v1, kind: VirtualService, name: app, namespace: web, matchLabels: {app: shop}}
  strategy: {type: geoip, primaryGeoTag: eu}
`, `
resourceRef: {apiVersion: networking.istio.io/v1, kind: VirtualService, name: app, namespace: web}
serviceHealthPolicy: Any
serviceHealthScope: clusterset
strategy: {type: geoip, dnsTtlSeconds: 30, splitBrainThresholdSeconds: 300, whenAllUnhealthy: empty}
`},
		{"what k8gb stores where nothing was written, and letters of any case", `
metadata: {name: app}
spec:
  resourceRef: {}
  ingress:
    ingressClassName: ""
    backend: {}
    tls: [{hosts: [Shop.Example.com], secretName: app}]
    rules:
    - host: Shop.Example.com
      http: {paths: [{path: /, backend: {service: {name: app, port: {number: 80}}}}, {path: /static, pathType: Exact, backend: {resource: {apiGroup: stores.example.com, kind: Bucket, name: static}}}]}
  strategy: {type: roundRobin, weight: {EU: 5}, dnsTtlSeconds: 0, splitBrainThresholdSeconds: 0}
`, `
ingress:
  tls: [{hosts: [shop.example.com], secretName: app}]
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: ImplementationSpecific, backend: {service: {name: app, port: {number: 80}}}}, {path: /static, pathType: Exact, backend: {resource: {apiGroup: stores.example.com, kind: Bucket, name: static}}}]}
serviceHealthPolicy: Any
serviceHealthScope: clusterset
strategy: {type: roundRobin, weight: {eu: 5}, dnsTtlSeconds: 30, splitBrainThresholdSeconds: 300, whenAllUnhealthy: empty}
`},
		{"a kind without its version", `
metadata: {name: app}
spec:
  resourceRef: {kind: Service, name: app}
  strategy: {type: roundRobin}
`, `
resourceRef: {apiVersion: v1, kind: Service, name: app}
serviceHealthPolicy: Any
serviceHealthScope: clusterset
strategy: {type: roundRobin, dnsTtlSeconds: 30, splitBrainThresholdSeconds: 300, whenAllUnhealthy: empty}
`},
	} {
		g, notes := read(t, c.in).Meridian()
		assert.Empty(t, notes, c.why)
		have, err := yaml.Marshal(g.Spec)
		require.NoError(t, err)
		assert.YAMLEq(t, c.want, string(have), c.why)
		assert.Equal(t, "k8gb.io/v1beta1", g.APIVersion, c.why)

		back, _ := k8gb.FromMeridian(g)
		again, _ := back.Meridian()
		assert.Equal(t, g, again, "%s: there and back", c.why)
	}
}

func TestWhatIsNotFollowedAsWrittenIsSaid(t *testing.T) {
	for _, c := range []struct {
		why, strategy, path string
		want                gslbv1beta1.StrategyType
	}{
		{"k8gb answers it so", `{type: failover}`, "spec.strategy.primaryGeoTag", gslbv1beta1.RoundRobin},
		{"weights go with roundRobin", `{type: failover, primaryGeoTag: EU, weight: {eu: 1}}`, "spec.strategy.weight", gslbv1beta1.Failover},
		{"a TTL of a week", `{type: roundRobin, dnsTtlSeconds: 604800}`, "spec.strategy.dnsTtlSeconds", gslbv1beta1.RoundRobin},
		{"a threshold of less than no time", `{type: roundRobin, splitBrainThresholdSeconds: -1}`, "spec.strategy.splitBrainThresholdSeconds", gslbv1beta1.RoundRobin},
		{"a weight that is too much", `{type: roundRobin, weight: {eu: 5000}}`, "spec.strategy.weight[eu]", gslbv1beta1.RoundRobin},
	} {
		g, notes := read(t, "spec: {resourceRef: {kind: Ingress, name: app}, strategy: "+c.strategy+"}").Meridian()
		require.Len(t, notes, 1, c.why)
		assert.Equal(t, c.path, notes[0].Path, c.why)
		assert.Equal(t, c.want, g.Spec.Strategy.Type, c.why)
		if g.Spec.Strategy.Type == gslbv1beta1.Failover {
			assert.Equal(t, gslbv1beta1.GeoTag("eu"), g.Spec.Strategy.PrimaryGeoTag, "names are compared without case")
		}
	}
}

func TestOfIngressAndReferenceTheReferenceIsFollowed(t *testing.T) {
	g, notes := read(t, `spec: {ingress: {rules: [{host: app.example.com, http: {paths: []}}]}, resourceRef: {kind: Ingress, matchLabels: {app: shop}}, strategy: {type: roundRobin}}`).Meridian()
	assert.Nil(t, g.Spec.Ingress)
	require.NotNil(t, g.Spec.ResourceRef)
	assert.Equal(t, gslbv1beta1.LabelValue("shop"), g.Spec.ResourceRef.MatchLabels["app"])
	require.Len(t, notes, 1)
	assert.Equal(t, "spec.ingress", notes[0].Path)
}

func TestOlderGroupMeansTheSame(t *testing.T) {
	old := &absa.Gslb{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(`{metadata: {name: app}, spec: {resourceRef: {kind: Ingress, name: app}, strategy: {type: roundRobin}}}`), old))
	g, notes := old.K8gb().Meridian()
	assert.Empty(t, notes)
	assert.Equal(t, "k8gb.absa.oss/v1beta1", g.APIVersion)
	assert.Equal(t, gslbv1beta1.ServiceHealthAny, g.Spec.ServiceHealthPolicy)
}

func TestZoneDelegationMeansTheSame(t *testing.T) {
	z := &k8gb.ZoneDelegation{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(`{metadata: {name: z}, spec: {loadBalancedZone: cloud.Example.com, parentZone: example.com., dnsZoneNegTTL: 300, doFinalize: true}}`), z))
	got := z.Meridian()
	assert.Equal(t, gslbv1beta1.Zone("cloud.example.com"), got.Spec.LoadBalancedZone)
	assert.Equal(t, gslbv1beta1.Zone("example.com"), got.Spec.ParentZone)
	assert.Equal(t, int32(300), *got.Spec.DNSZoneNegTTL)
	assert.True(t, got.Spec.DoFinalize)
}

func TestStatusIsComparedByWhatIsKept(t *testing.T) {
	ours := &gslbv1beta1.GslbStatus{
		GeoTag: "eu", Hosts: "a.example.com", ServiceHealth: map[string]gslbv1beta1.ServiceHealth{"a.example.com": gslbv1beta1.Healthy},
		HealthyRecords: map[string][]string{"a.example.com": {"192.0.2.1"}},
		Servers:        []gslbv1beta1.Server{{Host: "a.example.com", Services: []gslbv1beta1.NamespacedName{{Namespace: "test", Name: "app"}}}},
	}
	want := k8gb.StatusOf(ours)
	same := k8gb.StatusOf(ours)
	assert.True(t, want.Equal(&same))

	kept := want // an older definition without servers
	kept.Servers = nil
	pruned := k8gb.Pruned(&want, &kept)
	assert.Equal(t, []k8gb.Field{k8gb.FieldServers}, pruned)
	assert.False(t, want.Equal(&kept))
	assert.True(t, want.Equal(&kept, pruned...))
	kept.GeoTag = "us"
	assert.False(t, want.Equal(&kept, pruned...), "what is kept still counts")

	empty := k8gb.StatusOf(&gslbv1beta1.GslbStatus{})
	assert.True(t, empty.Equal(&k8gb.GslbStatus{}), "empty and absent are the same")
	assert.NotNil(t, empty.ServiceHealth, "required fields are never null")
}

func TestDefinitionsAndSchemesAgree(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, k8gb.AddToScheme(scheme))
	require.NoError(t, absa.AddToScheme(scheme))
	for _, file := range []string{k8gb.GslbCRDFile, k8gb.ZoneDelegationCRDFile, k8gb.AbsaGslbCRDFile} {
		text, err := k8gb.CRDs.ReadFile(file)
		require.NoError(t, err)
		crd := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, yaml.UnmarshalStrict(text, crd))
		assert.NotNil(t, crd.Spec.Versions[0].Subresources.Status, file)
		_, err = scheme.New(k8gb.GroupVersion.WithKind(crd.Spec.Names.Kind))
		require.NoError(t, err)
	}
	assert.True(t, k8gb.IsFinalizer("k8gb.absa.oss/finalizer"))
	assert.False(t, k8gb.IsFinalizer("orphan"))
}

// TestDefinitionsAreThoseThatPeopleKnow: names, scope, columns and rules as k8gb has them.
func TestDefinitionsAreThoseThatPeopleKnow(t *testing.T) {
	columns := []string{"strategy .spec.strategy.type 0", "geoTag .status.geoTag 0", "hosts .status.hosts 1"}
	for _, c := range []struct {
		file, plural string
		short        []string
		scope        apiextensionsv1.ResourceScope
		columns      []string
		policy       bool // has serviceHealthPolicy
	}{
		{k8gb.GslbCRDFile, "gslbs.k8gb.io", nil, apiextensionsv1.NamespaceScoped, columns, true},
		{k8gb.AbsaGslbCRDFile, "gslbs.k8gb.absa.oss", nil, apiextensionsv1.NamespaceScoped, columns, false},
		{k8gb.ZoneDelegationCRDFile, "zonedelegations.k8gb.io", []string{"zd"}, apiextensionsv1.ClusterScoped, nil, false},
	} {
		text, err := k8gb.CRDs.ReadFile(c.file)
		require.NoError(t, err)
		crd := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, yaml.UnmarshalStrict(text, crd))
		assert.Equal(t, c.plural, crd.Name)
		assert.Equal(t, c.short, crd.Spec.Names.ShortNames, c.plural)
		assert.Equal(t, c.scope, crd.Spec.Scope, c.plural)
		require.Len(t, crd.Spec.Versions, 1, c.plural)
		v := crd.Spec.Versions[0]
		assert.Equal(t, "v1beta1", v.Name, c.plural)
		var have []string
		for _, column := range v.AdditionalPrinterColumns {
			have = append(have, fmt.Sprintf("%s %s %d", column.Name, column.JSONPath, column.Priority))
		}
		assert.Equal(t, c.columns, have, c.plural)
		spec := v.Schema.OpenAPIV3Schema.Properties["spec"]
		_, policy := spec.Properties["serviceHealthPolicy"]
		assert.Equal(t, c.policy, policy, c.plural)
		if c.scope == apiextensionsv1.ClusterScoped {
			require.Len(t, spec.XValidations, 1)
			assert.Contains(t, spec.XValidations[0].Message, "proper subdomain")
			continue
		}
		strategy := spec.Properties["strategy"]
		assert.JSONEq(t, "30", string(strategy.Properties["dnsTtlSeconds"].Default.Raw))
		assert.JSONEq(t, "300", string(strategy.Properties["splitBrainThresholdSeconds"].Default.Raw))
		assert.Equal(t, []string{"type"}, strategy.Required)
	}
}

func TestWhatK8gbHasNoWordsForIsSaid(t *testing.T) {
	g := &gslbv1beta1.Gslb{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(`spec:
  resourceRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: app}
  entryAddresses: [192.0.2.1]
  strategy: {type: failover, failoverOrder: [us, eu]}`), g))
	old, notes := k8gb.FromMeridian(g)
	assert.Equal(t, "us", old.Spec.Strategy.PrimaryGeoTag, "the first choice")
	var paths []string
	for _, n := range notes {
		paths = append(paths, n.Path)
	}
	assert.Equal(t, []string{"spec.strategy.failoverOrder", "spec.entryAddresses"}, paths)

	g.Spec.Strategy = gslbv1beta1.Strategy{Type: gslbv1beta1.WeightedRoundRobin, Weight: map[string]gslbv1beta1.Weight{"eu": 3}}
	old, _ = k8gb.FromMeridian(g)
	assert.Equal(t, k8gb.Strategy{Type: "roundRobin", Weight: map[string]int{"eu": 3}}, old.Spec.Strategy)
}

func TestServicesOfAStatusAreCompared(t *testing.T) {
	of := func(name string) *k8gb.GslbStatus {
		return &k8gb.GslbStatus{Servers: []k8gb.Server{{Host: "a.example.com", Services: []k8gb.NamespacedName{{Namespace: "test", Name: name}}}}}
	}
	assert.True(t, of("app").Equal(of("app")))
	assert.False(t, of("app").Equal(of("other")))
}
