// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"k8s.io/apimachinery/pkg/types"

	networkingv1 "k8s.io/api/networking/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
)

// Dependencies are the objects that the translation of one Gslb reads, beside its
// Namespace and the ZoneDelegations.
type Dependencies struct {
	// Object is the object that the Gslb refers to, or the Ingress of its name if that is
	// embedded; the zero Key if the reference cannot be read.
	Object refs.Key

	// Services stand behind its hosts, each once, sorted; with their EndpointSlices.
	Services []types.NamespacedName
}

// DependsOn says what to find for a Gslb. The Services behind a resourceRef are known
// only once its object is: call it first without objects, and again with those that
// were found for Object (others may be among them).
func DependsOn(g *gslbv1beta1.Gslb, objects []refs.Object) Dependencies {
	var d Dependencies
	t, _ := targetOf(g, objects)
	d.Object, d.Services = t.key, t.Services()
	return d
}

// target is what a Gslb refers to, found or embedded.
type target struct {
	refs.Target
	key      refs.Key
	embedded bool
	foreign  bool                  // the Ingress that was found belongs to somebody else
	ingress  *networkingv1.Ingress // the one that was found, if embedded; nil if there is none
}

// targetOf resolves the reference of a Gslb. With a problem the target has no hosts.
func targetOf(g *gslbv1beta1.Gslb, objects []refs.Object) (target, *refs.Problem) {
	if g.Spec.Ingress != nil {
		return embeddedTarget(g, objects), nil
	}
	if g.Spec.ResourceRef == nil {
		return target{}, &refs.Problem{
			Reason:  gslbv1beta1.ReasonResourceNotFound,
			Message: "set ingress (an embedded Ingress) or resourceRef (an object that is there already)",
		}
	}
	key, problem := refs.KeyOf(g.Spec.ResourceRef, g.Namespace)
	if problem != nil {
		return target{}, problem
	}
	t := target{key: key}
	obj, problem := key.Select(objects)
	if problem != nil {
		return t, problem
	}
	t.Target, _ = refs.Read(obj)
	return t, nil
}

// embeddedTarget reads the embedded Ingress as if it were written already, with the
// status of the one that was found.
func embeddedTarget(g *gslbv1beta1.Gslb, objects []refs.Object) target {
	t := target{key: refs.IngressKey(g.Namespace, g.Name), embedded: true}
	written := &networkingv1.Ingress{Spec: g.Spec.Ingress.ToNetworkingV1()}
	written.Namespace, written.Name = g.Namespace, g.Name
	if obj, _ := t.key.Select(objects); obj != nil {
		t.ingress, _ = obj.(*networkingv1.Ingress)
		written.Status = t.ingress.Status
		written.Annotations = t.ingress.Annotations
	}
	t.Target, _ = refs.Read(written)
	return t
}
