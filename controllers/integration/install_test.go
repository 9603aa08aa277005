// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

func TestDefinitionsMayBeInstalledLater(t *testing.T) {
	cfg := ownServer(t, nil)
	s := newSite(t, cfg, impatient)
	ns := namespaceOnly(t, s.api)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "shop.cloud.example.com", "shop", nil), "192.0.2.1")
	s.blind(true)
	assert.False(t, s.store.World().Ready, "what cannot be read is not empty")

	crds, err := definitions()
	require.NoError(t, err)
	_, err = envtest.InstallCRDs(cfg, envtest.CRDInstallOptions{CRDs: crds})
	require.NoError(t, err)
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	s.answers("shop.cloud.example.com", "192.0.2.1")
	s.blind(false)
}
