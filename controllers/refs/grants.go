// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// referrer is what refers into another namespace: a kind, in one of several groups, in a
// namespace.
type referrer struct {
	kind      string
	groups    []string
	namespace string
}

// gslbIn is a Gslb in a namespace: ours, or one of k8gb that is read as ours.
func gslbIn(namespace string) referrer {
	return referrer{gslbv1beta1.GslbKind, []string{gslbv1beta1.GroupVersion.Group, "k8gb.io", "k8gb.absa.oss"}, namespace}
}

// refused says why a reference is not allowed; "" if it is: within a namespace always, into
// another where a ReferenceGrant there says so (Gateway API, "Cross-Namespace References").
func refused(l *Lookup, from referrer, to Key) string {
	if to.Namespace == from.namespace || to.Namespace == "" {
		return ""
	}
	grants, state := l.Get(AllIn(KindReferenceGrant, to.Namespace))
	for _, obj := range grants {
		if grant, ok := obj.(*gatewayv1.ReferenceGrant); ok && grantsFrom(grant, from) && grantsTo(grant, to) {
			return ""
		}
	}
	why := fmt.Sprintf("no ReferenceGrant in namespace %s lets kind %s of namespace %s refer to %s", to.Namespace, from.kind, from.namespace, to)
	if state == Absent {
		why += " (the kind ReferenceGrant of the Gateway API is not installed)"
	}
	return why
}

func grantsFrom(grant *gatewayv1.ReferenceGrant, from referrer) bool {
	for _, f := range grant.Spec.From {
		for _, group := range from.groups {
			if string(f.Group) == group && string(f.Kind) == from.kind && string(f.Namespace) == from.namespace {
				return true
			}
		}
	}
	return false
}

func grantsTo(grant *gatewayv1.ReferenceGrant, to Key) bool {
	for _, t := range grant.Spec.To {
		kind := schema.GroupKind{Group: string(t.Group), Kind: string(t.Kind)}
		if kind == to.Kind && (t.Name == nil || *t.Name == "" || string(*t.Name) == to.Name) {
			return true
		}
	}
	return false
}
