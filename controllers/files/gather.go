// SPDX-License-Identifier: Apache-2.0

package files

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/controllers/translate"
)

// input gathers what the translation of a Gslb looks at, and the keys of it. A file
// that is there is read, so an object that is not in one does not exist.
func (m *model) input(g *gslbv1beta1.Gslb) (translate.Input, []key) {
	in := translate.Input{
		Gslb: g, VirtualNodes: m.nodes, Zones: m.zones.Zones, Self: m.cfg.self, Names: m.cfg.names,
		AllowLoopback: m.cfg.allowLoopback, ReadOnly: true,
		Services: make(map[types.NamespacedName]*corev1.Service),
		Slices:   make(map[types.NamespacedName][]*discoveryv1.EndpointSlice),
	}
	namespace := key{kindNamespace, "", g.Namespace}
	needs := []key{namespace}
	if ns := valueOf[*corev1.Namespace](m.inventory, namespace); ns != nil {
		in.NamespaceLabels = ns.Labels
	}
	if object := translate.DependsOn(g, nil).Object; !object.IsZero() {
		needs = append(needs, key{object.Kind.Kind, object.Namespace, object.Name})
		in.Objects = m.matching(object)
	}
	for _, name := range translate.DependsOn(g, in.Objects).Services {
		k := key{kindService, name.Namespace, name.Name}
		needs = append(needs, k)
		in.Services[name] = valueOf[*corev1.Service](m.inventory, k)
		in.Slices[name] = m.slicesOf(k)
	}
	return in, needs
}

func (m *model) matching(k refs.Key) []refs.Object {
	var found []refs.Object
	if k.Name != "" {
		if h := m.inventory.objects[key{k.Kind.Kind, k.Namespace, k.Name}]; h != nil {
			if obj, ok := h.value.(refs.Object); ok {
				found = append(found, obj)
			}
		}
		return found
	}
	for _, h := range m.inventory.in(k.Kind.Kind, k.Namespace) {
		if obj, ok := h.value.(refs.Object); ok && k.Matches(obj) {
			found = append(found, obj)
		}
	}
	return found
}

func (m *model) slicesOf(service key) []*discoveryv1.EndpointSlice {
	var found []*discoveryv1.EndpointSlice
	for k := range m.slices[service] {
		if slice := valueOf[*discoveryv1.EndpointSlice](m.inventory, k); slice != nil {
			found = append(found, slice)
		}
	}
	slices.SortFunc(found, func(a, b *discoveryv1.EndpointSlice) int { return strings.Compare(a.Name, b.Name) })
	return found
}
