// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// TestWhatADefinitionPrunesIsWrittenOnce: definitions of older versions of k8gb keep no
// servers in a status, and what they never keep is not written for ever.
func TestWhatADefinitionPrunesIsWrittenOnce(t *testing.T) {
	scheme, err := NewScheme()
	require.NoError(t, err)
	kept := &k8gb.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "app", UID: "u-1"}}
	writes := 0
	api := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		SubResourcePatch: func(_ context.Context, _ client.Client, _ string, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
			writes++
			data, err := patch.Data(obj)
			require.NoError(t, err)
			g, ok := obj.(*k8gb.Gslb)
			require.True(t, ok)
			require.NoError(t, json.Unmarshal(data, g))
			g.Status.Servers = nil
			kept.Status = *g.Status.DeepCopy()
			return nil
		},
	}).Build()
	c := &Controllers{collector: &collector{operator: &operator{}}, client: api, told: newTold()}
	status := gslbv1beta1.GslbStatus{
		GeoTag: "eu", Hosts: "app.cloud.example.com",
		Servers: []gslbv1beta1.Server{{Host: "app.cloud.example.com", Services: []gslbv1beta1.NamespacedName{{Namespace: "test", Name: "app"}}}},
	}
	write := func() bool {
		wrote, err := c.writeIncumbents(t.Context(), translate.Twins{K8gb: kept.DeepCopy()}, &status)
		require.NoError(t, err)
		return wrote
	}
	assert.True(t, write())
	assert.False(t, write(), "it has all that it keeps")
	status.GeoTag = "us"
	assert.True(t, write(), "what it keeps is written")
	assert.Equal(t, "us", kept.Status.GeoTag)
	assert.Equal(t, 2, writes)
}
