// SPDX-License-Identifier: Apache-2.0

package refs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
)

func ingress(namespace, name string, labels map[string]string) *networkingv1.Ingress {
	return &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}}
}

func TestKeyMatches(t *testing.T) {
	byLabels := gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}
	byLabels.MatchLabels = map[string]gslbv1beta1.LabelValue{"app": "shop"}
	byName := gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "shop", Namespace: "web"}

	for _, c := range []struct {
		why string
		ref gslbv1beta1.ResourceRef
		obj *networkingv1.Ingress
		is  bool
	}{
		{"name and namespace", byName, ingress("web", "shop", nil), true},
		{"another namespace", byName, ingress("test", "shop", nil), false},
		{"another name", byName, ingress("web", "cart", nil), false},
		{"labels in the namespace of the Gslb", byLabels, ingress("test", "any", map[string]string{"app": "shop"}), true},
		{"labels elsewhere", byLabels, ingress("web", "any", map[string]string{"app": "shop"}), false},
		{"other labels", byLabels, ingress("test", "any", map[string]string{"app": "cart"}), false},
	} {
		key, problem := refs.KeyOf(&c.ref, "test")
		require.Nil(t, problem, c.why)
		assert.Equal(t, c.is, key.Matches(c.obj), c.why)
	}
	assert.False(t, refs.Key{}.Matches(ingress("", "", nil)), "the zero key means nothing")
}

func TestSelectLooksAtItsOwnKindOnly(t *testing.T) {
	key := refs.IngressKey("test", "shop")
	svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop"}}
	_, problem := key.Select([]refs.Object{svc})
	require.NotNil(t, problem)
	assert.Equal(t, gslbv1beta1.ReasonResourceNotFound, problem.Reason)

	obj, problem := key.Select([]refs.Object{svc, ingress("test", "shop", nil)})
	require.Nil(t, problem)
	assert.Equal(t, "shop", obj.GetName())
	assert.Equal(t, "Ingress", refs.KindOf(obj).Kind)
	_, known := refs.Read(svc)
	assert.False(t, known, "a Service is not in the table yet")
}

func TestUnsupportedKindListsThoseThatWork(t *testing.T) {
	for _, ref := range []gslbv1beta1.ResourceRef{
		{APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Name: "a"},
		{APIVersion: "networking.k8s.io/v1beta1", Kind: "Ingress", Name: "a"},
		{APIVersion: "a/b/c", Kind: "Ingress", Name: "a"},
	} {
		_, problem := refs.KeyOf(&ref, "test")
		require.NotNil(t, problem, ref.APIVersion)
		assert.Equal(t, gslbv1beta1.ReasonResourceKindUnsupported, problem.Reason)
		assert.Contains(t, problem.Message, "Ingress (networking.k8s.io/v1)")
	}
	for _, gvk := range refs.Kinds() {
		assert.True(t, refs.Supported(gvk))
	}
}

func TestServicesOfATargetAreSortedAndOnce(t *testing.T) {
	a, b := types.NamespacedName{Namespace: "test", Name: "a"}, types.NamespacedName{Namespace: "test", Name: "b"}
	target := refs.Target{Hosts: []refs.Host{{Services: []types.NamespacedName{b, a}}, {Services: []types.NamespacedName{a}}}}
	assert.Equal(t, []types.NamespacedName{a, b}, target.Services())
}
