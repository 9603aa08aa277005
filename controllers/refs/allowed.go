// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// refuses says why a listener of a Gateway, or ListenerSet, lets no route of a kind in a
// namespace in; "" if it does. Its author says so in allowedRoutes. It counts whatever the
// status of the route says: that may be of a time before the author changed it, or missing.
func (l *listener) refuses(look *Lookup, r *route) string {
	var spaces gatewayv1.RouteNamespaces
	if l.allowed != nil && l.allowed.Namespaces != nil {
		spaces = *l.allowed.Namespaces
	}
	if !admits(look, or(spaces.From, gatewayv1.NamespacesFromSame), spaces.Selector, l.namespace, r.GetNamespace()) {
		return fmt.Sprintf("listener %s of %s lets no routes of namespace %s in (allowedRoutes.namespaces)", l.name, l.on, r.GetNamespace())
	}
	if l.allowed == nil || len(l.allowed.Kinds) == 0 || slices.ContainsFunc(l.allowed.Kinds, func(k gatewayv1.RouteGroupKind) bool {
		return string(k.Kind) == r.kind.Kind && string(or(k.Group, gatewayv1.GroupName)) == r.kind.Group
	}) {
		return ""
	}
	return fmt.Sprintf("listener %s of %s lets no routes of kind %s in (allowedRoutes.kinds)", l.name, l.on, r.kind.Kind)
}

// admits reports that what stands in one namespace is open to objects of another.
//
//	from            | open to objects of
//	All             | any namespace
//	Same            | the same one
//	Selector        | those with the labels; any where these cannot be read
//	None, and other | none
func admits(look *Lookup, from gatewayv1.FromNamespaces, selector *metav1.LabelSelector, here, there string) bool {
	switch from {
	case gatewayv1.NamespacesFromAll:
		return true
	case gatewayv1.NamespacesFromSame:
		return here == there
	case gatewayv1.NamespacesFromSelector:
		want, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || selector == nil {
			return false
		}
		obj, state := look.One(ByName(KindNamespace, "", there))
		has := labels.Set{corev1.LabelMetadataName: there}
		if obj != nil {
			has = labels.Merge(has, obj.GetLabels())
		}
		return state == Unread || want.Matches(has)
	case gatewayv1.NamespacesFromNone:
	}
	return false
}

// attaches says why a Gateway lets a ListenerSet in a namespace open none of its listeners; ""
// if it does. Without allowedListeners none may.
func attaches(look *Lookup, gw *gatewayv1.Gateway, set *gatewayv1.ListenerSet) string {
	var spaces gatewayv1.ListenerNamespaces
	if allowed := gw.Spec.AllowedListeners; allowed != nil && allowed.Namespaces != nil {
		spaces = *allowed.Namespaces
	}
	if admits(look, or(spaces.From, gatewayv1.NamespacesFromNone), spaces.Selector, gw.Namespace, set.Namespace) {
		return ""
	}
	return fmt.Sprintf("Gateway %s/%s lets no ListenerSets of namespace %s in (allowedListeners)", gw.Namespace, gw.Name, set.Namespace)
}
