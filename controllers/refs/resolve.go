// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// Resolve gives the objects that a resourceRef of a Gslb in the given namespace means, by
// namespace and name. By labels it can be several: their hosts are balanced together. An
// object in another namespace needs a ReferenceGrant there.
func Resolve(ref *gslbv1beta1.ResourceRef, namespace string, l *Lookup) ([]Object, *Problem) {
	key, problem := KeyOf(ref, namespace)
	if problem != nil {
		return nil, problem
	}
	if why := refused(l, gslbIn(namespace), key); why != "" {
		return nil, &Problem{Reason: gslbv1beta1.ReasonRefNotPermitted, Message: why}
	}
	objects, state := l.Get(key)
	switch {
	case len(objects) > 0:
		return objects, nil
	case state == Absent:
		return nil, &Problem{
			Reason:  gslbv1beta1.ReasonResourceKindUnsupported,
			Message: fmt.Sprintf("this cluster has no kind %s (%s): its CustomResourceDefinition is not installed", key.Kind.Kind, key.Kind.Group),
		}
	}
	return nil, &Problem{Reason: gslbv1beta1.ReasonResourceNotFound, Message: "there is no " + key.String()}
}
