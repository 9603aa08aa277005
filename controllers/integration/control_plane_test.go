// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// karmadaWork is the kind by which Karmada's own API server is known.
func karmadaWork() *apiextensionsv1.CustomResourceDefinition {
	anything := true
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "works.work.karmada.io"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "work.karmada.io", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "works", Singular: "work", Kind: "Work", ListKind: "WorkList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1alpha1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: &anything,
				}},
			}},
		},
	}
}

// awaitKarmada waits until the API server of the package has Karmada's group, or has it no
// more: definitions come and go there a moment before their groups.
func awaitKarmada(t *testing.T, want bool) {
	t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(server)
	require.NoError(t, err)
	eventually(t, func() error {
		err := d.RESTClient().Get().AbsPath("/apis/work.karmada.io").Do(context.WithoutCancel(t.Context())).Error()
		if has := err == nil; has != want || !has && !apierrors.IsNotFound(err) {
			return notYet("group work.karmada.io: %v", err)
		}
		return nil
	})
}

// TestM7ControlPlaneWithoutNodesIsToldAndNothingElse stands alone on the API server of the
// package, which has no nodes: beside other checks the kind would stop those.
func TestM7ControlPlaneWithoutNodesIsToldAndNothingElse(t *testing.T) {
	t.Cleanup(func() { awaitKarmada(t, false) })
	install(t, []*apiextensionsv1.CustomResourceDefinition{karmadaWork()})
	awaitKarmada(t, true)
	s := newSite(t, server)
	ns := namespace(t, s.api, nil)
	app(t, s.api, ns, "shop", true)
	ingress(t, s.api, ingressOf(ns, "web", "m7.cloud.example.com", "shop", nil), "192.0.2.1", "198.51.100.1")
	require.NoError(t, s.api.Create(t.Context(), referring(ns, "shop", gslbv1beta1.ResourceRef{Name: "web"})))
	require.NoError(t, s.api.Create(t.Context(), embedded(ns, "made", "m7-made.cloud.example.com", "shop")))
	annotated := ingressOf(ns, "annotated", "m7-annotated.cloud.example.com", "shop", nil)
	annotated.Annotations = map[string]string{gslbv1beta1.AnnotationStrategy: "roundRobin"}
	ingress(t, s.api, annotated, "192.0.2.2")

	for _, name := range []string{"shop", "made"} {
		s.condition(ns, name, gslbv1beta1.ConditionAccepted, metav1.ConditionFalse, gslbv1beta1.ReasonControlPlaneOnly)
	}
	assert.Empty(t, s.quiet(), "nothing is written when nothing changes")
	for _, write := range s.writes.list() {
		assert.Regexp(t, `/status$|/events(/|$)`, write, "nothing is written but conditions, and events of them")
	}
	for _, host := range []string{"m7", "m7-made", "m7-annotated"} {
		s.absent(host + ".cloud.example.com")
	}
	assert.True(t, apierrors.IsNotFound(s.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "made"}, &networkingv1.Ingress{})), "no Ingress is made")
	assert.True(t, apierrors.IsNotFound(s.api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "annotated"}, &gslbv1beta1.Gslb{})), "no Gslb is made")

	// A member may have the kind as well: it has nodes.
	s.stop()
	node := readyNode(s, "m7-w1", nil)
	t.Cleanup(func() { require.NoError(t, s.api.Delete(context.WithoutCancel(t.Context()), node)) })
	member := newSite(t, server)
	member.answers("m7.cloud.example.com", "192.0.2.1", "198.51.100.1")
	member.condition(ns, "shop", gslbv1beta1.ConditionAccepted, metav1.ConditionTrue, gslbv1beta1.ReasonAccepted)
}
