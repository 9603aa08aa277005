// SPDX-License-Identifier: Apache-2.0

package route_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/route"
)

// ingress makes an Ingress whose paths go to Services that are named as given.
func ingress(name string, age time.Duration, rules ...networkingv1.IngressRule) *networkingv1.Ingress {
	created := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Add(-age)
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name, CreationTimestamp: metav1.NewTime(created)},
		Spec:       networkingv1.IngressSpec{Rules: rules},
	}
}

func rule(host string, paths ...networkingv1.HTTPIngressPath) networkingv1.IngressRule {
	return networkingv1.IngressRule{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{
		HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths},
	}}
}

func path(kind networkingv1.PathType, value, service string) networkingv1.HTTPIngressPath {
	return networkingv1.HTTPIngressPath{Path: value, PathType: &kind, Backend: backend(service)}
}

func backend(service string) networkingv1.IngressBackend {
	return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
		Name: service, Port: networkingv1.ServiceBackendPort{Name: "http"},
	}}
}

func withDefault(i *networkingv1.Ingress, service string) *networkingv1.Ingress {
	b := backend(service)
	i.Spec.DefaultBackend = &b
	return i
}

const (
	exact    = networkingv1.PathTypeExact
	prefix   = networkingv1.PathTypePrefix
	specific = networkingv1.PathTypeImplementationSpecific
)

func TestMatch(t *testing.T) {
	table := route.Build([]*networkingv1.Ingress{
		ingress("app", time.Hour,
			rule("app.example.com",
				path(prefix, "/", "root"), path(prefix, "/a", "a"), path(prefix, "/a/b/", "ab"),
				path(exact, "/a", "exact-a"), path(specific, "/s", "specific")),
			rule("*.example.com", path(prefix, "/", "wildcard")),
			rule("narrow.example.com", path(exact, "/only", "only")),
			rule("", path(prefix, "/anyhost", "hostless"))),
		ingress("younger", 0, rule("app.example.com", path(prefix, "/a", "younger"), path(prefix, "/a/b/c", "abc"))),
	})
	tests := []struct{ host, path, want, why string }{
		{"app.example.com", "/", "root", "the root prefix takes what nothing else takes"},
		{"app.example.com", "/elsewhere", "root", "the root prefix matches every path"},
		{"app.example.com", "/a", "exact-a", "Exact wins over Prefix"},
		{"app.example.com", "/a/", "a", "Exact is exact, Prefix ignores the slash"},
		{"app.example.com", "/a/x", "a", "a prefix matches what is below it"},
		{"app.example.com", "/ab", "root", "a prefix matches whole elements only"},
		{"app.example.com", "/a/b", "ab", "a trailing slash in the rule does not matter"},
		{"app.example.com", "/a/b/d", "ab", "the longest prefix wins"},
		{"app.example.com", "/a/b/c", "abc", "also when another Ingress has it"},
		{"app.example.com", "/A", "root", "paths are case-sensitive"},
		{"app.example.com", "/s/x", "specific", "ImplementationSpecific is a prefix"},
		{"APP.example.com.:8080", "/", "root", "case, trailing dot and port of the host do not matter"},
		{"other.example.com", "/", "wildcard", "a wildcard takes one label"},
		{"x.other.example.com", "/", "", "but not two"},
		{"example.com", "/", "", "and not none"},
		{"narrow.example.com", "/only", "only", "an exact host wins over the wildcard"},
		{"narrow.example.com", "/other", "", "and decides alone"},
		{"unknown.example.org", "/anyhost/x", "hostless", "a rule without host is for all the others"},
		{"unknown.example.org", "/", "", "unknown host, unknown path"},
		{"[::1]:80", "/anyhost", "hostless", "an address literal is no host of a rule"},
		{"", "/anyhost", "hostless", "HTTP/1.0 has no host"},
	}
	for _, tt := range tests {
		got, ok := table.Match(tt.host, tt.path)
		assert.Equal(t, tt.want, got.Service, "%s%s: %s", tt.host, tt.path, tt.why)
		assert.Equal(t, tt.want != "", ok, "%s%s: %s", tt.host, tt.path, tt.why)
	}
}

func TestDefaultBackend(t *testing.T) {
	older := withDefault(ingress("older", time.Hour), "catch-all")
	hosted := withDefault(ingress("hosted", 0, rule("app.example.com", path(exact, "/", "root"))), "own-default")
	table := route.Build([]*networkingv1.Ingress{hosted, older})

	for request, want := range map[[2]string]string{
		{"app.example.com", "/"}:     "root",
		{"app.example.com", "/x"}:    "own-default", // that of the Ingress with a rule for the host
		{"other.example.com", "/"}:   "catch-all",   // else that of the oldest
		{"other.example.com", "/x/"}: "catch-all",
	} {
		got, ok := table.Match(request[0], request[1])
		assert.True(t, ok, "%v", request)
		assert.Equal(t, want, got.Service, "%v", request)
	}
}

func TestOrderOfObjectsDoesNotMatter(t *testing.T) {
	a := ingress("a", 0, rule("app.example.com", path(prefix, "/", "a")))
	b := ingress("b", 0, rule("app.example.com", path(prefix, "/", "b")))
	older := ingress("z", time.Hour, rule("app.example.com", path(prefix, "/", "older")))
	for _, order := range [][]*networkingv1.Ingress{{a, b, older}, {older, b, a}, {b, older, a}} {
		got, _ := route.Build(order).Match("app.example.com", "/")
		assert.Equal(t, "older", got.Service)
	}
	got, _ := route.Build([]*networkingv1.Ingress{b, a}).Match("app.example.com", "/")
	assert.Equal(t, "a", got.Service, "of the same age, the name decides")
}

func TestOddObjects(t *testing.T) {
	_, ok := (&route.Table{}).Match("app.example.com", "/")
	assert.False(t, ok, "the zero table routes nothing")

	noPaths := ingress("empty", 0, networkingv1.IngressRule{Host: "app.example.com"})
	_, ok = route.Build([]*networkingv1.Ingress{noPaths}).Match("app.example.com", "/")
	assert.False(t, ok, "a rule without paths and without a default backend has no backend")

	resource := ingress("resource", 0, rule("app.example.com", path(prefix, "/", "")))
	resource.Spec.Rules[0].HTTP.Paths[0].Backend = networkingv1.IngressBackend{}
	got, ok := route.Build([]*networkingv1.Ingress{resource}).Match("app.example.com", "/")
	assert.True(t, ok)
	assert.Empty(t, got.Service, "a resource backend is a match without a Service")

	numbered := ingress("numbered", 0, rule("app.example.com", path(prefix, "", "numbered")))
	numbered.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port = networkingv1.ServiceBackendPort{Number: 8080}
	got, _ = route.Build([]*networkingv1.Ingress{numbered}).Match("app.example.com", "/x")
	assert.Equal(t, route.Backend{Namespace: "test", Service: "numbered", PortNumber: 8080}, got, "an empty path matches all")
}
