// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meridian-gslb/meridian/api/k8gb"
	"github.com/meridian-gslb/meridian/api/k8gb/absa"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// undone goes back to the objects of k8gb, and then on again: who tries the move is never
// caught in it.
func undone(p *place) {
	p.t.Helper()
	plan, err := p.migrate(migration{back: true})
	require.NoError(p.t, err, plan)
	assert.Contains(p.t, plan, "re-own   Ingress test-gslb/test-gslb: to that in k8gb.absa.oss/v1beta1")
	assert.Contains(p.t, plan, "remove   Gslb test-gslb/test-gslb in gslb.meridian.dev/v1beta1: that in k8gb.absa.oss/v1beta1 counts again")
	assert.Contains(p.t, plan, "remove   Gslb test-gslb/playground-annotated in gslb.meridian.dev/v1beta1: that in k8gb.io/v1beta1 counts again")
	assert.Contains(p.t, plan, "remove   ZoneDelegation cloud-example-com in gslb.meridian.dev/v1beta1")
	assert.Contains(p.t, plan, "Nothing was written")
	require.NoError(p.t, p.api.Get(p.t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, &gslbv1beta1.Gslb{}), "a plan writes nothing")

	back, err := p.migrate(migration{back: true, apply: true})
	require.NoError(p.t, err, back)
	p.collectGarbage(ofMeridian()...)
	ing := &networkingv1.Ingress{}
	for name, g := range map[string]client.Object{"test-gslb": &absa.Gslb{}, "test-gslb-failover": &k8gb.Gslb{}} {
		require.NoError(p.t, p.api.Get(p.t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: name}, g))
		require.NoError(p.t, p.api.Get(p.t.Context(), client.ObjectKeyFromObject(g), ing))
		assert.True(p.t, metav1.IsControlledBy(ing, g), "it goes with the object of k8gb, as before")
		assert.Len(p.t, ing.OwnerReferences, 1)
	}
	again, err := p.migrate(migration{back: true, apply: true})
	require.NoError(p.t, err, again)
	assert.Contains(p.t, again, "ok       Gslb test-gslb/test-gslb has no twin in gslb.meridian.dev/v1beta1")
	p.unchanged()

	plan, err = p.migrate(migration{})
	require.NoError(p.t, err, plan)
	assert.Contains(p.t, plan, "create   Gslb test-gslb/test-gslb in gslb.meridian.dev/v1beta1")
	err = p.api.Get(p.t.Context(), client.ObjectKey{Namespace: "test-gslb", Name: "test-gslb"}, &gslbv1beta1.Gslb{})
	assert.True(p.t, apierrors.IsNotFound(err), "a plan writes nothing where the definitions are installed either: %v", err)
	on, err := p.migrate(migration{apply: true})
	require.NoError(p.t, err, on)
	assert.Contains(p.t, on, "create   Gslb test-gslb/test-gslb in gslb.meridian.dev/v1beta1")
}
