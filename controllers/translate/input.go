// SPDX-License-Identifier: Apache-2.0

package translate

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"net/netip"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/controllers/refs"
	"github.com/meridian-gslb/meridian/gslb"
)

// Input is everything that the translation of one Gslb looks at. Nothing in it is
// changed.
type Input struct {
	Gslb *gslbv1beta1.Gslb

	// Incumbent says that the Gslb was read from one of k8gb's groups. Annotations of
	// k8gb, on it or on the object that it refers to, say the same of its hosts.
	Incumbent bool

	// Services and Slices hold what [Dependencies.Services] names. A Service that is
	// known not to exist is there with nil. A Service or a list of slices that could not
	// be read is missing from the map, which makes health unknown, never unhealthy.
	// Slices holds an empty list for a Service that has none.
	Services map[types.NamespacedName]*corev1.Service
	Slices   map[types.NamespacedName][]*discoveryv1.EndpointSlice

	// VirtualNodes names, by node, the cluster that a virtual node stands for; see
	// [VirtualNode]. Other nodes need not be known.
	VirtualNodes map[string]string

	// NamespaceLabels are the labels of the Gslb's namespace. Its name is added to them
	// as an API server does.
	NamespaceLabels map[string]string

	// Zones are those of [Zones].
	Zones []Zone

	// Self is this cluster's geo tag. Names are other names by which neighbours know this
	// cluster (Karmada, Liqo, Submariner); the geo tag need not be among them.
	Self  gslb.GeoTag
	Names []string

	// Resolved gives the addresses of load balancers that have a name, as they were last
	// resolved; a name that is missing stays unresolved.
	Resolved map[string][]netip.Addr

	// AllowLoopback keeps entries with loopback addresses, for demos and tests.
	AllowLoopback bool

	// ReadOnly says that nothing can be written, as with manifests in a folder: an Ingress
	// of the Gslb's name gives its status, whoever owns it.
	ReadOnly bool
}
