// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"strings"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
)

// k8gbPrefix begins the annotations of k8gb.
const k8gbPrefix = "k8gb.io/"

// incumbent reports that k8gb would balance the hosts of the Gslb as well, so that a
// neighbour that runs k8gb asks for them: the Gslb is one of k8gb's, or was, or it or the object
// that it refers to carries an annotation of k8gb.
func (b *builder) incumbent() bool {
	if b.ofK8gb() || annotatedForK8gb(b.in.Gslb.Annotations) {
		return true
	}
	return slices.ContainsFunc(b.target.objects, func(o annotated) bool { return annotatedForK8gb(o.annotations) })
}

// ofK8gb reports that the Gslb is one of k8gb's, or the twin of one.
func (b *builder) ofK8gb() bool {
	return b.in.Incumbent || b.in.Gslb.Labels[gslbv1beta1.LabelOrigin] == gslbv1beta1.OriginK8gb
}

func annotatedForK8gb(annotations map[string]string) bool {
	for key := range annotations {
		if strings.HasPrefix(key, k8gbPrefix) {
			return true
		}
	}
	return false
}
