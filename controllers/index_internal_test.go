// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/stretchr/testify/assert"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

func nn(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

func anIngress(ns, name string, l map[string]string) *networkingv1.Ingress {
	return &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: l}}
}

func TestDependents(t *testing.T) {
	d := newDependents()
	byLabel := refs.IngressKey("a", "")
	byLabel.Selector = labels.SelectorFromSet(labels.Set{"live": "yes"})
	byName := translate.Dependencies{Object: refs.IngressKey("b", "web"), Services: []types.NamespacedName{nn("b", "svc"), nn("b", "other")}}
	d.set(nn("a", "named"), byName)
	d.set(nn("a", "labelled"), translate.Dependencies{Object: byLabel, Services: []types.NamespacedName{nn("b", "svc")}})
	d.set(nn("a", "unreadable"), translate.Dependencies{})

	assert.ElementsMatch(t, []types.NamespacedName{nn("a", "named")}, keys(d.onObject("Ingress", anIngress("b", "web", nil))))
	assert.ElementsMatch(t, []types.NamespacedName{nn("a", "labelled")}, keys(d.onObject("Ingress", anIngress("a", "any", map[string]string{"live": "yes"}))))
	assert.Empty(t, d.onObject("Ingress", anIngress("a", "any", map[string]string{"live": "no"})))
	assert.Empty(t, d.onObject("Ingress", anIngress("b", "any", map[string]string{"live": "yes"})), "labels are looked up in one namespace")
	assert.Empty(t, d.onObject("HTTPRoute", anIngress("b", "web", nil)), "of another kind")
	assert.ElementsMatch(t, []types.NamespacedName{nn("a", "named"), nn("a", "labelled")}, keys(d.onService(nn("b", "svc"))))
	assert.Len(t, d.onNamespace("a"), 3)

	d.set(nn("a", "named"), translate.Dependencies{Object: refs.IngressKey("b", "web"), Services: []types.NamespacedName{nn("b", "third")}})
	assert.Empty(t, d.onService(nn("b", "other")), "what is no longer needed is forgotten")
	assert.ElementsMatch(t, []types.NamespacedName{nn("a", "named")}, keys(d.onService(nn("b", "third"))))

	for _, g := range []string{"named", "labelled", "unreadable", "never there"} {
		d.remove(nn("a", g))
	}
	assert.Equal(t, newDependents(), d, "nothing is left behind")
}

func translationOf(hosts ...string) *translation {
	tr := &translation{}
	for _, h := range hosts {
		tr.out.Hosts = append(tr.out.Hosts, translate.HostStatus{Host: gslb.MustName(h), Text: h})
	}
	return tr
}

func TestTranslations(t *testing.T) {
	all := newTranslations()
	assert.Nil(t, all.get(nn("a", "x")))
	all.put(nn("a", "x"), translationOf("one.example.com", "two.example.com"))
	all.put(nn("a", "y"), translationOf("two.example.com"))
	assert.ElementsMatch(t, []types.NamespacedName{nn("a", "x"), nn("a", "y")}, all.having(gslb.MustName("two.example.com")))

	all.put(nn("a", "x"), translationOf("three.example.com"))
	assert.Empty(t, all.having(gslb.MustName("one.example.com")))
	assert.Equal(t, []types.NamespacedName{nn("a", "y")}, all.having(gslb.MustName("two.example.com")))
	assert.Equal(t, 2, all.len())

	all.put(nn("a", "x"), nil)
	all.put(nn("a", "y"), nil)
	all.put(nn("a", "z"), nil)
	assert.Equal(t, newTranslations(), all, "nothing is left behind")
}
