// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/api/validate"
)

const goodGslb = `apiVersion: gslb.meridian.dev/v1beta1
kind: Gslb
metadata:
  name: app
spec:
  resourceRef:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    name: app
  strategy:
    type: roundRobin
`

func TestProblemsNameFileLineAndField(t *testing.T) {
	v := newValidator(t)
	cases := []struct {
		why, file string
		want      []string
	}{
		{
			"the line is that of the field, in a later document too",
			goodGslb + "---\n" + strings.Replace(goodGslb, "type: roundRobin", "type: roundRobin\n    weight:\n      eu: 1001", 1),
			[]string{"app.yaml:25: spec.strategy.weight.eu: Invalid value: 1001: spec.strategy.weight.eu in body should be less than or equal to 1000"},
		},
		{
			"a field that is missing has the line of what it is missing from",
			strings.Replace(goodGslb, "    type: roundRobin\n", "    dnsTtlSeconds: 5\n", 1),
			[]string{
				"app.yaml:10: spec.strategy.type: Required value",
				"app.yaml:1: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
			},
		},
		{
			"an unknown field is named once, with the one that was probably meant",
			strings.Replace(goodGslb, "type: roundRobin", "type: roundRobin\n    weights: {eu: 1}", 1),
			[]string{`app.yaml:12: unknown field "spec.strategy.weights", did you mean "weight"?`},
		},
		{
			"no suggestion where nothing is near",
			strings.Replace(goodGslb, "type: roundRobin", "type: roundRobin\n    colour: red", 1),
			[]string{`app.yaml:12: unknown field "spec.strategy.colour"`},
		},
		{
			"a broken document does not hide the next",
			"a: b: c\n---\n" + strings.Replace(goodGslb, "roundRobin", "random", 1),
			[]string{
				"app.yaml:1: not YAML: mapping values are not allowed in this context",
				`app.yaml:13: spec.strategy.type: Unsupported value: "random": supported values: "roundRobin", "weightedRoundRobin", "failover", "geoip"`,
				"app.yaml:3: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
			},
		},
		{
			"a key twice",
			goodGslb + "spec: {}\n",
			[]string{`app.yaml:12: not YAML: key "spec" already set in map`},
		},
		{
			"items of a list have their own lines",
			"apiVersion: v1\nkind: List\nitems:\n- apiVersion: gslb.meridian.dev/v1beta1\n  kind: Gslb\n  metadata:\n    name: App\n  spec:\n    resourceRef: {apiVersion: v1, kind: Service, name: app}\n    strategy: {type: roundRobin}\n- 7\n",
			[]string{
				"app.yaml:7: metadata.name: Invalid value: \"App\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
				"app.yaml:11: not an object: apiVersion and kind must be set",
			},
		},
		{"not an object", "# a comment\n\nhello\n", []string{"app.yaml:1: not an object: apiVersion and kind must be set"}},
		{"no kind", "apiVersion: v1\n", []string{"app.yaml:1: not an object: apiVersion and kind must be set"}},
		{
			"metadata of a wrong type",
			strings.Replace(goodGslb, "metadata:\n  name: app", "metadata: app", 1),
			[]string{"app.yaml:3: metadata: Invalid value: string: must be a map with the object's name"},
		},
		{
			"a version of our group that does not exist",
			strings.Replace(goodGslb, "v1beta1", "v1", 1),
			[]string{`app.yaml:1: apiVersion: no matches for kind "Gslb" in version "gslb.meridian.dev/v1": use gslb.meridian.dev/v1beta1`},
		},
		{
			"a kind of our group that does not exist",
			strings.Replace(goodGslb, "kind: Gslb", "kind: GSLB", 1),
			[]string{`app.yaml:1: apiVersion: no matches for kind "GSLB" in version "gslb.meridian.dev/v1beta1": the kinds of this group are Gslb and ZoneDelegation`},
		},
		{
			"an Ingress of a version long gone",
			"apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: app}\n",
			[]string{`app.yaml:1: apiVersion: no matches for kind "Ingress" in version "extensions/v1beta1": use networking.k8s.io/v1`},
		},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			_, problems := v.Objects(t.Context(), "app.yaml", []byte(c.file))
			var lines []string
			for _, p := range problems {
				lines = append(lines, p.String())
			}
			assert.Equal(t, c.want, lines)
		})
	}
}

func TestObjectsAreReadWithTheirDefaults(t *testing.T) {
	v := newValidator(t)
	file := "\xef\xbb\xbf# first\n" + goodGslb + "status: {geoTag: eu}\n---\n# nothing here\n---\n" +
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, namespace: test}\n...\n" +
		`{"apiVersion": "gslb.meridian.dev/v1beta1", "kind": "ZoneDelegation", "metadata": {"name": "zone", "namespace": "x"},
  "spec": {"loadBalancedZone": "cloud.example.com", "parentZone": "example.com"}}`
	objects, problems := v.Objects(t.Context(), "app.yaml", []byte(file))
	require.Empty(t, problems)
	require.Len(t, objects, 3)

	gslb, isGslb := objects[0].Value.(*gslbv1beta1.Gslb)
	require.True(t, isGslb)
	assert.Equal(t, "Gslb default/app", objects[0].String(), "a namespaced object without a namespace is in default")
	assert.Equal(t, "default", gslb.Namespace)
	assert.Equal(t, 2, objects[0].Line)
	assert.EqualValues(t, 30, *gslb.Spec.Strategy.DNSTTLSeconds)
	assert.EqualValues(t, 300, *gslb.Spec.Strategy.SplitBrainThresholdSeconds)
	assert.Equal(t, gslbv1beta1.AnswerEmpty, gslb.Spec.Strategy.WhenAllUnhealthy)
	assert.Equal(t, gslbv1beta1.ServiceHealthAny, gslb.Spec.ServiceHealthPolicy)
	assert.Equal(t, gslbv1beta1.ScopeLocal, gslb.Spec.ServiceHealthScope)
	assert.Empty(t, gslb.Status.GeoTag, "status is the status subresource's")

	assert.Equal(t, "Deployment test/app", objects[1].String())
	assert.Nil(t, objects[1].Value, "a kind that is not read")

	zone, isZone := objects[2].Value.(*gslbv1beta1.ZoneDelegation)
	require.True(t, isZone)
	assert.Equal(t, "ZoneDelegation zone", objects[2].String(), "a cluster-scoped object has no namespace")
	assert.EqualValues(t, 30, *zone.Spec.DNSZoneNegTTL)
	assert.EqualValues(t, 300, *zone.Spec.SplitBrainThresholdSeconds)
	assert.Equal(t, 21, objects[2].Line)
}

func TestEmptyFilesHoldNothing(t *testing.T) {
	v := newValidator(t)
	for _, file := range []string{"", "\n\n", "# only a comment\n", "---\n---\n", "--- # nothing\n...\n"} {
		objects, problems := v.Objects(t.Context(), "empty.yaml", []byte(file))
		assert.Empty(t, objects, "%q", file)
		assert.Empty(t, problems, "%q", file)
	}
}

func TestOtherKindsAreCheckedInTheFieldsThatAreRead(t *testing.T) {
	v := newValidator(t)
	ingress := func(rest string) string {
		return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: app, namespace: test}\n" + rest
	}
	slice := func(rest string) string {
		return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: app}\n" + rest
	}
	path := func(p string) string { return ingress("spec: {rules: [{http: {paths: [" + p + "]}}]}\n") }
	backend := "backend: {service: {name: app, port: {number: 80}}}"
	cases := []struct{ why, file, want string }{
		{"unknown field", ingress("spec:\n  rulez: []\n  defaultBackend: {service: {name: a, port: {number: 1}}}\n"), `f.yaml:5: unknown field "spec.rulez"`},
		{"wrong type, told without indices", ingress("spec:\n  rules:\n  - host: 7\n"), "f.yaml:6: spec.rules.host: json: cannot unmarshal number into Go struct field IngressRule.spec.rules.host of type string"},
		{"capitals in a host", ingress("spec:\n  rules:\n  - host: App.example.com\n"), `f.yaml:6: spec.rules[0].host: Invalid value: "App.example.com": a lowercase RFC 1123 subdomain`},
		{"an address as host", ingress("spec:\n  rules:\n  - host: 192.0.2.1\n"), `f.yaml:6: spec.rules[0].host: Invalid value: "192.0.2.1": must be a DNS name, not an IP address`},
		{"wildcard inside", ingress("spec:\n  rules:\n  - host: a.*.example.com\n"), `f.yaml:6: spec.rules[0].host: Invalid value: "a.*.example.com": a wildcard DNS-1123 subdomain must start with '*.'`},
		{"nothing asked for", ingress("spec: {}\n"), "f.yaml:4: spec: Invalid value: "},
		{"no paths", ingress("spec: {rules: [{http: {paths: []}}]}\n"), "f.yaml:4: spec.rules[0].http.paths: Required value"},
		{"no path type", path("{path: /, " + backend + "}"), "f.yaml:4: spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"},
		{"path type", path("{path: /, pathType: Regex, " + backend + "}"), `spec.rules[0].http.paths[0].pathType: Unsupported value: "Regex"`},
		{"relative path", path("{path: a, pathType: Exact, " + backend + "}"), `spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path`},
		{"relative path of any type", path("{path: a, pathType: ImplementationSpecific, " + backend + "}"), `spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path`},
		{"no backend", path("{path: /, pathType: Exact}"), "spec.rules[0].http.paths[0].backend: Required value"},
		{"two backends", path("{path: /, pathType: Exact, backend: {service: {name: a, port: {number: 1}}, resource: {kind: A, name: a}}}"), "backend: Invalid value: \"\": cannot set both resource and service backends"},
		{"no service name", path("{path: /, pathType: Exact, backend: {service: {port: {number: 1}}}}"), "backend.service.name: Required value"},
		{"no port", path("{path: /, pathType: Exact, backend: {service: {name: a}}}"), "backend: Required value: port name or number is required"},
		{"two ports", path("{path: /, pathType: Exact, backend: {service: {name: a, port: {name: a, number: 1}}}}"), "backend: Invalid value: \"\": cannot set both port name & port number"},
		{"status address", ingress("spec: {defaultBackend: {resource: {kind: A, name: a}}}\nstatus: {loadBalancer: {ingress: [{ip: 192.0.2.256}]}}\n"), `f.yaml:5: status.loadBalancer.ingress[0].ip: Invalid value: "192.0.2.256": must be a valid IP address`},
		{"no address type", slice("endpoints: []\n"), "f.yaml:1: addressType: Required value"},
		{"address type", slice("addressType: IP\n"), `f.yaml:4: addressType: Unsupported value: "IP"`},
		{"endpoint without address", slice("addressType: IPv4\nendpoints:\n- conditions: {ready: true}\n"), "f.yaml:6: endpoints[0].addresses: Required value: must contain at least 1 address"},
		{"address of the other family", slice("addressType: IPv4\nendpoints:\n- addresses:\n  - 2001:db8::1\n"), `f.yaml:6: endpoints[0].addresses: Invalid value: "2001:db8::1": must be an IPv4 address`},
		{"not an address", slice("addressType: IPv6\nendpoints: [{addresses: [pod]}]\n"), `f.yaml:5: endpoints[0].addresses[0]: Invalid value: "pod": must be a valid IP address`},
		{"name of a Service", "apiVersion: v1\nkind: Service\nmetadata: {name: App}\n", `f.yaml:3: metadata.name: Invalid value: "App": a lowercase RFC 1123 label must consist of`},
		{"status of a Service", "apiVersion: v1\nkind: Service\nmetadata: {name: app}\nstatus:\n  loadBalancer:\n    ingress:\n    - ip: lb.example.com\n", `f.yaml:7: status.loadBalancer.ingress[0].ip: Invalid value: "lb.example.com": must be a valid IP address`},
		{"name of a Namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n", `f.yaml:3: metadata.name: Invalid value: "a.b": must not contain dots`},
		{"no name", "apiVersion: v1\nkind: Node\nmetadata: {labels: {a: b}}\n", "f.yaml:3: metadata.name: Required value: name or generateName is required"},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			objects, problems := v.Objects(t.Context(), "f.yaml", []byte(c.file))
			assert.Empty(t, objects)
			require.Len(t, problems, 1)
			assert.Contains(t, problems[0].String(), c.want)
			assert.EqualError(t, problems[0], problems[0].String())
		})
	}
}

func TestOtherKindsAreReadAsTheyAre(t *testing.T) {
	v := newValidator(t)
	file := `apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: app}
  spec:
    rules:
    - host: "*.cloud.example.com"
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: app, port: {name: http}}}}]}
  status: {loadBalancer: {ingress: [{ip: 192.0.2.1}, {hostname: lb.example.com}]}}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: app-1, labels: {kubernetes.io/service-name: app}}
  addressType: IPv4
  endpoints: [{addresses: [127.0.0.1]}]
- {apiVersion: v1, kind: Node, metadata: {name: node-1, namespace: ignored}}
`
	objects, problems := v.Objects(t.Context(), "list.yaml", []byte(file))
	require.Empty(t, problems)
	require.Len(t, objects, 3)
	ingress, isIngress := objects[0].Value.(*networkingv1.Ingress)
	require.True(t, isIngress)
	assert.Equal(t, "default", ingress.Namespace)
	assert.Equal(t, "192.0.2.1", ingress.Status.LoadBalancer.Ingress[0].IP, "status of other kinds is what the server would hold")
	assert.Equal(t, 4, objects[0].Line)
	_, isSlice := objects[1].Value.(*discoveryv1.EndpointSlice)
	assert.True(t, isSlice)
	assert.Equal(t, "Node node-1", objects[2].String())
	assert.Equal(t, 17, objects[2].Line)
}

func FuzzObjects(f *testing.F) {
	f.Add(goodGslb)
	f.Add("apiVersion: v1\nkind: List\nitems: [{kind: Gslb}, 7, null]\n")
	f.Add("a: &a [*a]\n")
	f.Add("---\n%YAML 1.2\n--- {a: b}\n...\n--- |\n text\n")
	f.Add(`{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":null,"spec":{"rules":[{"http":null}]}}`)
	f.Add("apiVersion: gslb.meridian.dev/v1beta1\nkind: Gslb\nmetadata: {name: [], labels: {a: 1}}\nspec: {ingress: {rules: [null]}}\nstatus: 7\n")
	f.Add("apiVersion: gslb.meridian.dev/v1beta1\nkind: Gslb\nmetadata: {name: a}\nspec: {strategy: {weight: {\"a.b[0]\": x}}}\n")
	v, err := validate.New()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, file string) {
		objects, problems := v.Objects(t.Context(), "f.yaml", []byte(file))
		lines := strings.Count(file, "\n") + 1
		for _, p := range problems {
			require.NotEmpty(t, p.Message)
			require.LessOrEqual(t, p.Line, lines)
			require.Positive(t, p.Line)
		}
		for _, o := range objects {
			require.LessOrEqual(t, o.Line, lines)
			require.NotEmpty(t, o.Kind.Kind)
		}
	})
}
