// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/api/k8gb"
	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// TestATwinIsOfNoTool: Argo CD, Helm and their like prune what carries their marks and is in
// none of their sources, and the Ingress would go with the twin.
func TestATwinIsOfNoTool(t *testing.T) {
	t.Parallel()
	tools := map[string]string{
		"app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "Helm", "argocd.argoproj.io/instance": "shop",
		"argocd.argoproj.io/tracking-id": "shop:k8gb.io/Gslb:shop/shop", "meta.helm.sh/release-name": "shop", "helm.sh/chart": "shop-1",
		"helm.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/name": "shop", "applyset.kubernetes.io/part-of": "shop",
		"config.k8s.io/owning-inventory": "shop", "objectset.rio.cattle.io/id": "shop", "work.karmada.io/name": "shop",
		"kubectl.kubernetes.io/last-applied-configuration": "{}",
	}
	people := map[string]string{
		"app.kubernetes.io/name": "shop", "team": "shop", "cert-manager.io/cluster-issuer": "letsencrypt", "k8gb.io/strategy": "failover",
		"gslb.meridian.dev/override": "",
	}
	all := make(map[string]string)
	maps.Copy(all, tools)
	maps.Copy(all, people)
	owners := []metav1.OwnerReference{{APIVersion: "apps.example.com/v1", Kind: "Shop", Name: "shop", UID: "owner"}}
	old := &k8gb.Gslb{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop", UID: "old", Labels: all, Annotations: all, OwnerReferences: owners}}
	v := &move{kind: gslbv1beta1.GslbKind, gslb: &gslbv1beta1.Gslb{}}
	v.old = append(v.old, old)
	assert.NoError(t, new(migration).complete(t.Context(), v))
	assert.Equal(t, people, v.gslb.Annotations)
	people[gslbv1beta1.LabelOrigin] = gslbv1beta1.OriginK8gb
	assert.Equal(t, people, v.gslb.Labels)
	assert.Equal(t, owners, v.gslb.OwnerReferences, "it goes with whom the object goes with")
	assert.Equal(t, all, old.Labels, "the object of k8gb is as it was")

	zone := twinMeta(&k8gb.ZoneDelegation{ObjectMeta: metav1.ObjectMeta{Name: "cloud", Labels: tools, Annotations: tools}})
	assert.Empty(t, zone.Labels)
	assert.Empty(t, zone.Annotations)
}
