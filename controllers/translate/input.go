// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/types"

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

	// Notes say what of the spec is not followed as it is written.
	Notes []Problem

	// Found holds what [DependsOn] names. What could not be read is [refs.Unread] there or
	// missing, which makes health unknown, never unhealthy. For an embedded Ingress the
	// Ingress of the Gslb's name is in it.
	Found *refs.Found

	// VirtualNodes names, by node, the cluster that a virtual node stands for; see
	// [VirtualNode]. Other nodes need not be known.
	VirtualNodes map[string]string

	// Zones are those of [Zones].
	Zones []Zone

	// Self is this cluster's geo tag. Names are other names by which neighbours know this
	// cluster (Karmada, Liqo, Submariner); the geo tag need not be among them.
	Self  gslb.GeoTag
	Names []string

	// Down says that a cluster, as a neighbour names it, is known to be lost, whatever the
	// objects here say of its endpoints. nil: none is.
	Down func(cluster string) bool

	// Bare says that a cluster, as a neighbour names it, is heard and reports that it has no
	// ready backend of a host ([gslb.Offer].Bare): what objects here say of endpoints there is
	// stale. nil: none does.
	Bare func(host gslb.Name, cluster string) bool

	// Had says that a Service was seen with an endpoint before. nil: none was.
	Had func(service types.NamespacedName) bool

	// ControlPlane says that nothing runs in this cluster: its API server distributes objects
	// to others, as Karmada's does.
	ControlPlane bool

	// Resolved gives the addresses of a load balancer that has a name, as it was last
	// resolved; none: it is not resolved yet. nil: no name is.
	Resolved func(name string) []netip.Addr

	// Held says until when an object in Found has the addresses that it had last, because its
	// status is empty now; the zero Time: it has those of its status. nil: all have.
	Held func(gslb.Source) time.Time

	// Gates says how a readiness gate stands; nil: nobody can tell.
	Gates func(Gate) GateState

	// Inside says which addresses lie inside this cluster, beside what Found says of it.
	Inside Inside

	// AllowLoopback keeps entries with loopback addresses, for demos and tests.
	AllowLoopback bool

	// ReadOnly says that nothing can be written, as with manifests in a folder: an Ingress
	// of the Gslb's name gives its status, whoever owns it.
	ReadOnly bool
}
