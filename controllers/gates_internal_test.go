// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/meridian-gslb/meridian/controllers/translate"
)

// kindsServer is an API server that tells of its kinds, and counts who asks.
type kindsServer struct {
	mu    sync.Mutex
	kinds []string // of group example.com, version v1
	asked map[string]int
}

func (s *kindsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.URL.Path]++
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/api":
		fmt.Fprint(w, `{"kind": "APIVersions", "versions": []}`)
	case "/apis":
		fmt.Fprint(w, `{"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "example.com",
			"versions": [{"groupVersion": "example.com/v1", "version": "v1"}], "preferredVersion": {"groupVersion": "example.com/v1", "version": "v1"}}]}`)
	case "/apis/example.com/v1":
		var all []string
		for _, k := range s.kinds {
			all = append(all, fmt.Sprintf(`{"name": "%ss", "kind": "%s", "namespaced": true, "verbs": ["list", "watch"]}`, strings.ToLower(k), k))
		}
		fmt.Fprintf(w, `{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "example.com/v1", "resources": [%s]}`, strings.Join(all, ","))
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`)
	}
}

func (s *kindsServer) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// TestGatesAskForTheKindsOfTheAPIOnce: a hundred gates cost no more questions than one; a kind
// that is missing is asked for again, and found once it came.
func TestGatesAskForTheKindsOfTheAPIOnce(t *testing.T) {
	kinds := &kindsServer{kinds: []string{"Backup", "Canary"}, asked: make(map[string]int)}
	server := httptest.NewServer(kinds)
	t.Cleanup(server.Close)
	g := newGates(&api{reads: &rest.Config{Host: server.URL}, http: server.Client()}, slog.New(slog.DiscardHandler), func(types.NamespacedName) {})
	gate := func(kind string, i int) translate.Gate {
		return translate.Gate{APIVersion: "example.com/v1", Kind: kind, Namespace: "test", Name: fmt.Sprint("object", i)}
	}
	_, err := g.informer(gate("Backup", 0))
	require.NoError(t, err)
	asked := kinds.count("/apis/example.com/v1")
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			_, err := g.informer(gate([]string{"Backup", "Canary"}[i%2], i))
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.Equal(t, 1, kinds.count("/apis"), "the groups")
	assert.Equal(t, asked, kinds.count("/apis/example.com/v1"), "what is known is not asked for again")

	_, err = g.informer(gate("Drill", 0))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "the API has no Drill of example.com/v1")
	kinds.mu.Lock()
	kinds.kinds = append(kinds.kinds, "Drill")
	kinds.mu.Unlock()
	_, err = g.informer(gate("Drill", 0))
	require.NoError(t, err, "it came")
	_, err = g.informer(gate("Backup", 0))
	require.NoError(t, err)
	assert.Equal(t, 1, kinds.count("/apis"))
}
