// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// TestAnnotatedRouteOutlivesItsKind: a definition that is removed takes the routes with it,
// and the garbage collector their Gslbs. There is no collector here: the test stands in.
func TestAnnotatedRouteOutlivesItsKind(t *testing.T) {
	crds := gatewayAPI(t, "gateways", "httproutes")
	install(t, crds)
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	const host = "kept.cloud.example.com"
	app(t, s.api, ns, "shop", true)
	manifest := aGateway + "\n---\n" + httpRoute("shop", host, "{name: shop, port: 80}")
	applyAll(t, s.api, ns, manifest)
	annotateRoute := func() {
		t.Helper()
		route := named(gatewayV1, "HTTPRoute", ns, "shop")
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+gslbv1beta1.AnnotationStrategy+`":"roundRobin"}}}`))
		eventually(t, func() error { return s.api.Patch(t.Context(), route, patch) })
	}
	annotateRoute()
	s.answers(host, "192.0.2.1")
	key := client.ObjectKey{Namespace: ns, Name: "shop"}
	first := &gslbv1beta1.Gslb{}
	require.NoError(t, s.api.Get(t.Context(), key, first))

	uninstall(t, crds)
	require.NoError(t, s.api.Delete(t.Context(), first))
	for range 3 {
		assert.Empty(t, s.quiet(), "nobody makes a Gslb of an object that does not exist: it would be collected again")
		require.True(t, apierrors.IsNotFound(s.api.Get(t.Context(), key, &gslbv1beta1.Gslb{})))
		s.answers(host, "192.0.2.1")
	}

	install(t, crds)
	applyAll(t, s.api, ns, manifest)
	annotateRoute()
	eventually(t, func() error {
		g := &gslbv1beta1.Gslb{}
		if err := s.api.Get(t.Context(), key, g); err != nil {
			return err
		}
		if g.UID == first.UID {
			return notYet("it is the old one")
		}
		return nil
	})
	s.answers(host, "192.0.2.1")
	route := named(gatewayV1, "HTTPRoute", ns, "shop")
	require.NoError(t, s.api.Delete(t.Context(), route))
	require.NoError(t, client.IgnoreNotFound(s.api.Delete(t.Context(), &gslbv1beta1.Gslb{ObjectMeta: first.ObjectMeta}, client.Preconditions{})))
	s.absent(host) // an object that is deleted by itself is gone at once
}
