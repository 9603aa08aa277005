// SPDX-License-Identifier: Apache-2.0

package refs_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/refs"
)

func TestIndexLeadsToTheUsersOfAnObject(t *testing.T) {
	d := refs.NewIndex[string]()
	service := func(name string) refs.Key { return refs.ByName(refs.KindService, "b", name) }
	byLabel := refs.Key{Kind: refs.KindIngress, Namespace: "a", Labels: "live=yes,old!=yes"}
	anywhere := refs.Key{Kind: refs.KindIngress, Labels: "tier in (1,2)"}
	d.Set("named", []refs.Key{refs.IngressKey("b", "web"), service("svc"), service("other")})
	d.Set("labelled", []refs.Key{byLabel, service("svc"), refs.SlicesKey(types.NamespacedName{Namespace: "b", Name: "svc"})})
	d.Set("anywhere", []refs.Key{anywhere})
	d.Set("unreadable", nil)
	on := func(obj refs.Object) []string { return slices.Sorted(maps.Keys(d.On(refs.RowOf(obj).GroupKind, obj))) }
	svc := func(name string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "b", Name: name}}
	}
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "b", Name: "svc-x", Labels: map[string]string{discoveryv1.LabelServiceName: "svc"}}}

	named, labelled := "named", "labelled"
	assert.ElementsMatch(t, []string{named}, on(ingress("b", "web", nil)))
	assert.ElementsMatch(t, []string{labelled}, on(ingress("a", "any", map[string]string{"live": "yes"})))
	assert.Empty(t, on(ingress("a", "any", map[string]string{"live": "yes", "old": "yes"})), "the whole selector counts")
	assert.Empty(t, on(ingress("a", "any", map[string]string{"live": "no"})))
	assert.Empty(t, on(ingress("b", "any", map[string]string{"live": "yes"})), "labels are looked up in one namespace")
	assert.ElementsMatch(t, []string{"anywhere"}, on(ingress("c", "any", map[string]string{"tier": "2"})), "or in all")
	assert.Empty(t, d.On(refs.KindService, ingress("b", "web", nil)), "of another kind")
	assert.ElementsMatch(t, []string{named, labelled}, on(svc("svc")))
	assert.ElementsMatch(t, []string{labelled}, on(slice))

	d.Set(named, []refs.Key{refs.IngressKey("b", "web"), service("third")})
	assert.Empty(t, on(svc("other")), "what is no longer needed is forgotten")
	assert.ElementsMatch(t, []string{named}, on(svc("third")))

	for _, g := range []string{"named", "labelled", "anywhere", "unreadable", "never there"} {
		d.Remove(g)
	}
	assert.Equal(t, refs.NewIndex[string](), d, "nothing is left behind")
}
