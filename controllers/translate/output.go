// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// Output is what one Gslb means. Equal inputs give outputs that reflect.DeepEqual
// finds equal, with every list in the same order.
type Output struct {
	// Source is the Gslb, the key for gslb.Store.SetObject.
	Source gslb.Source

	// Offers are what this cluster says of the hosts, by readiness alone: one for each
	// host that may be offered, in the order of Hosts.
	Offers []*gslb.Offer

	// Hosts are all hosts of the Gslb, offered or not, in the order in which they are
	// written, each once.
	Hosts []HostStatus

	// Conditions are Accepted and Resolved, in this order, with ObservedGeneration and
	// without LastTransitionTime. Serving is not among them: it needs the World.
	Conditions []metav1.Condition

	// Findings are what the conditions were made of, one by one.
	Findings []Finding

	// Servers are the Services behind each host, for the status.
	Servers []gslbv1beta1.Server

	// ExposedIPs are the addresses where clients reach this cluster, each once, in the
	// order in which they were found.
	ExposedIPs []netip.Addr

	// Hostnames are the names of load balancers that have to be resolved for it, sorted.
	Hostnames []string

	// Private are the addresses of a status that could be of a pod, by their kind, sorted,
	// whether they count or not. AwaitsNodes says that one is that of a pod, and counts until
	// all nodes are read: it may be a node's.
	Private     []netip.Addr
	AwaitsNodes bool

	// Refused are the addresses of a status that are no entries because they lie inside the
	// cluster.
	Refused []netip.Addr

	// Gates are the readiness gates that have to be watched for it, in their order.
	Gates []Gate

	// Ingress is the embedded Ingress as it should be written: a new one if it has no
	// ResourceVersion, else an update of the one that was found. It is nil when nothing
	// is to be written.
	Ingress *networkingv1.Ingress
}

// Finding is one thing to know about a Gslb: a part of a condition's message.
type Finding struct {
	Condition string // Accepted or Resolved
	Reason    string // one of the condition's reasons
	Bad       bool   // it makes the condition False
	On        gslb.Source
	Path      string // of the field in On; "" if it concerns the whole object
	Message   string // without path and object
}

// text is what the condition of an object says of a finding: findings about the text of
// a field say which, and findings about another object name that.
func (f *Finding) text(own gslb.Source) string {
	switch {
	case f.Path == "" || f.Reason != gslbv1beta1.ReasonInvalidSpec && f.Reason != gslbv1beta1.ReasonResourceKindUnsupported:
		return f.Message
	case f.On == own:
		return f.Path + ": " + f.Message
	}
	return f.Path + " of " + f.On.String() + ": " + f.Message
}

// HostStatus is what readiness says of one host in this cluster.
type HostStatus struct {
	Host gslb.Name // the zero Name where Text is no host name
	Text string    // as it is written

	// Path is the field that names the host: in the Gslb for an embedded Ingress, else in
	// the object that was found.
	Path string

	// Offered says that the host is among the offers. Reason and Message say why not:
	// one of the reasons of condition Accepted.
	Offered bool
	Reason  string
	Message string

	// Readiness is what the Services' endpoints say; ReadinessReason says why.
	Readiness       gslb.Health
	ReadinessReason gslb.Reason

	// Weightless says that no request reaches a backend here because the weight of each is 0.
	Weightless bool

	// Health is what the Services say together with the entries: whether clients that
	// arrive here are served, as far as it can be told without a probe.
	Health gslb.Health

	// Local and Remote count the ready endpoints behind the host, in this cluster and
	// elsewhere. DependsOn are the clusters whose backends are needed, sorted: empty while
	// a backend here is ready. They are named as the neighbour names them.
	// Elsewhere are all clusters, beside this one, that objects here name as those of ready
	// endpoints, sorted: also those that are down, whose endpoints do not count.
	Local, Remote int
	DependsOn     []string
	Elsewhere     []string

	// Bare is that of [gslb.Offer].
	Bare bool
}

// ServiceHealth is the word of status.serviceHealth, without probes; "" while it is
// unknown.
//
//	Services                   | together with the entries | word
//	some that it needs are not | any                       | NotFound
//	are there                  | unhealthy                 | Unhealthy
//	are there                  | healthy                   | Healthy
//	are there                  | unknown                   | "", also where no entry is known
func (h *HostStatus) ServiceHealth() gslbv1beta1.ServiceHealth {
	switch {
	case h.ReadinessReason == gslb.ReasonServiceNotFound:
		return gslbv1beta1.NotFound
	case h.Health == gslb.Healthy:
		return gslbv1beta1.Healthy
	case h.Health == gslb.Unhealthy:
		return gslbv1beta1.Unhealthy
	}
	return ""
}
