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

func TestFoundKeepsWhatAKeyMeans(t *testing.T) {
	key := refs.IngressKey("test", "shop")
	var found refs.Found
	assert.False(t, found.Has(key))
	_, state := found.Get(key)
	assert.Equal(t, refs.Unread, state)
	found.Put(key, refs.Listed, ingress("test", "cart", nil), ingress("test", "shop", nil))
	objects, state := found.Get(key)
	assert.Equal(t, refs.Listed, state)
	require.Len(t, objects, 1)
	assert.Equal(t, "shop", objects[0].GetName())
	assert.Equal(t, "Ingress", refs.KindOf(objects[0]).Kind)
}

func TestResolveTakesAllThatLabelsSelect(t *testing.T) {
	ref := gslbv1beta1.ResourceRef{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}
	ref.MatchLabels = map[string]gslbv1beta1.LabelValue{"app": "shop"}
	var found refs.Found
	key, _ := refs.KeyOf(&ref, "test")
	_, problem := refs.Resolve(&ref, "test", refs.NewLookup(&found))
	require.NotNil(t, problem)
	assert.Equal(t, gslbv1beta1.ReasonResourceNotFound, problem.Reason)

	shop := map[string]string{"app": "shop"}
	found.Put(key, refs.Listed, ingress("test", "two", shop), ingress("test", "other", nil), ingress("test", "one", shop))
	objects, problem := refs.Resolve(&ref, "test", refs.NewLookup(&found))
	require.Nil(t, problem)
	require.Len(t, objects, 2)
	assert.Equal(t, "one", objects[0].GetName(), "in order of their names")

	found.Put(key, refs.Absent)
	_, problem = refs.Resolve(&ref, "test", refs.NewLookup(&found))
	require.NotNil(t, problem)
	assert.Equal(t, gslbv1beta1.ReasonResourceKindUnsupported, problem.Reason)
}

func TestPairsFindKeysByLabels(t *testing.T) {
	key := refs.SlicesKey(types.NamespacedName{Namespace: "test", Name: "shop"})
	assert.Equal(t, "kubernetes.io/service-name=shop", key.Pair())
	assert.Contains(t, refs.Pairs(ingress("test", "x", map[string]string{"kubernetes.io/service-name": "shop", "b": "c"})), key.Pair())
	assert.Empty(t, refs.IngressKey("test", "shop").Pair())
	assert.Empty(t, refs.Key{Kind: refs.KindIngress, Labels: "app in (a,b)"}.Pair(), "no one value")

	pods := refs.Key{Kind: refs.KindService, Labels: "istio=ingressgateway", Pods: true}
	svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "any", Name: "gw"}}
	assert.False(t, pods.Matches(svc))
	svc.Spec.Selector = map[string]string{"istio": "ingressgateway", "app": "gw"}
	assert.True(t, pods.Matches(svc), "its pods have the label")
	assert.Contains(t, refs.Pairs(svc), pods.Pair())
	pods.Pods = false
	assert.False(t, pods.Matches(svc))
}

func TestGatherGoesOnUntilNothingNewIsNeeded(t *testing.T) {
	chain := []refs.Key{refs.IngressKey("a", "1"), refs.IngressKey("a", "2"), refs.IngressKey("a", "3")}
	needs := func(found *refs.Found) []refs.Key {
		n := 1
		for n < len(chain) && found.Has(chain[n-1]) {
			n++
		}
		return chain[:n]
	}
	var entered, read []string
	found := refs.Gather(needs, func(keys []refs.Key) { entered = append(entered, keys[len(keys)-1].Name) },
		func(k refs.Key) ([]refs.Object, refs.State) {
			read = append(read, k.Name)
			assert.Equal(t, entered, read, "entered before it is read")
			return nil, refs.Listed
		})
	assert.Equal(t, []string{"1", "2", "3"}, read)
	assert.True(t, found.Has(chain[2]))
}

func TestUnsupportedKindListsThoseThatWork(t *testing.T) {
	for _, ref := range []gslbv1beta1.ResourceRef{
		{APIVersion: "apps/v1", Kind: "Deployment", Name: "a"},
		{APIVersion: "networking.k8s.io/v1beta1", Kind: "Ingress", Name: "a"},
		{APIVersion: "a/b/c", Kind: "Ingress", Name: "a"},
	} {
		_, problem := refs.KeyOf(&ref, "test")
		require.NotNil(t, problem, ref.APIVersion)
		assert.Equal(t, gslbv1beta1.ReasonResourceKindUnsupported, problem.Reason)
		assert.Contains(t, problem.Message, "Ingress (networking.k8s.io/v1)")
	}
	for _, row := range refs.Kinds() {
		assert.Equal(t, row.Referable(), refs.Supported(row.GVK()))
	}
}

func TestMergeJoinsHostsOfSeveralObjects(t *testing.T) {
	host := func(name, service, ip string) refs.Host {
		return refs.Host{Name: name, Backends: []refs.Backend{refs.ServiceBackend("test", service)}, Entries: []refs.Entry{{IP: ip}}}
	}
	down := host("a", "two", "192.0.2.1")
	down.Entries[0].Down = "not programmed"
	merged := refs.Merge([]refs.Target{
		{Hosts: []refs.Host{down, host("b", "one", "192.0.2.1")}},
		{Hosts: []refs.Host{host("a", "one", "192.0.2.1"), host("a", "two", "192.0.2.2")}},
	})
	require.Len(t, merged, 2)
	assert.Equal(t, []refs.Backend{refs.ServiceBackend("test", "two"), refs.ServiceBackend("test", "one")}, merged[0].Backends)
	assert.Equal(t, []refs.Entry{{IP: "192.0.2.1"}, {IP: "192.0.2.2"}}, merged[0].Entries, "one that is up wins")
	assert.Equal(t, "b", merged[1].Name)
}
