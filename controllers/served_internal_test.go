// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meridian-gslb/meridian/controllers/refs"
)

// group is an API server that serves TLSRoutes in some versions.
type group struct {
	mu     sync.Mutex
	serves map[string]bool
	asked  []string
}

func (g *group) set(versions ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked, g.serves = nil, make(map[string]bool)
	for _, v := range versions {
		g.serves[v] = true
	}
}

func (g *group) paths() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

func (g *group) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/apis/"+gatewayv1.GroupName)
	g.asked = append(g.asked, path)
	w.Header().Set("Content-Type", "application/json")
	if path == "" && len(g.serves) > 0 {
		var versions []string
		for v := range g.serves {
			versions = append(versions, fmt.Sprintf(`{"groupVersion": "%s/%s", "version": "%s"}`, gatewayv1.GroupName, v, v))
		}
		fmt.Fprintf(w, `{"kind": "APIGroup", "apiVersion": "v1", "name": "%s", "versions": [%s]}`, gatewayv1.GroupName, strings.Join(versions, ","))
		return
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !g.serves[version] {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`)
		return
	}
	route := fmt.Sprintf(`{"apiVersion": "%s/%s", "kind": "TLSRoute", "metadata": {"namespace": "a", "name": "r"}, "spec": {"hostnames": ["a.example.com"], "rules": []}}`, gatewayv1.GroupName, version)
	if r.URL.Query().Get("watch") != "" {
		fmt.Fprintf(w, `{"type": "ADDED", "object": %s}`, route)
		return
	}
	fmt.Fprintf(w, `{"apiVersion": "%s/%s", "kind": "TLSRouteList", "metadata": {"resourceVersion": "7"}, "items": [%s]}`, gatewayv1.GroupName, version, route)
}

func TestServedFollowsTheVersionsOfAKind(t *testing.T) {
	g := &group{}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	s, err := newServed(refs.Row(refs.KindTLSRoute), &rest.Config{Host: server.URL}, server.Client(), map[string]*apiGroup{}, func() string { return "" })
	require.NoError(t, err)
	list := func() (*gatewayv1.TLSRouteList, error) {
		found, err := s.ListWithContext(t.Context(), metav1.ListOptions{})
		routes, _ := found.(*gatewayv1.TLSRouteList)
		return routes, err
	}

	_, err = list()
	assert.True(t, apierrors.IsNotFound(err), "no version is served: %v", err)
	assert.Equal(t, []string{"/v1/tlsroutes", "/v1alpha3/tlsroutes", "/v1alpha2/tlsroutes"}, g.paths())
	g.set()
	for range 3 {
		_, err = list()
		assert.True(t, apierrors.IsNotFound(err))
	}
	assert.Equal(t, []string{""}, g.paths(), "and then one question for the group now and then")

	s.group.at = s.group.at.Add(-groupPause)
	g.set("v1alpha2")
	routes, err := list()
	require.NoError(t, err)
	require.Len(t, routes.Items, 1)
	assert.Equal(t, "gateway.networking.k8s.io/v1alpha2", routes.Items[0].APIVersion, "objects say in which version they were read")
	assert.Equal(t, []gatewayv1.Hostname{"a.example.com"}, routes.Items[0].Spec.Hostnames)
	assert.Equal(t, "v1alpha2", s.current())

	g.set("v1")
	w, err := s.WatchWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "7"})
	require.NoError(t, err)
	e := <-w.ResultChan()
	route, ok := e.Object.(*gatewayv1.TLSRoute)
	require.True(t, ok, "%T", e.Object)
	assert.Equal(t, "gateway.networking.k8s.io/v1", route.APIVersion)
	assert.Equal(t, "v1", s.current(), "the version that is served now")
	w.Stop()
}
