// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Annotations that Meridian reads. Those for a source stand on an object of any kind that a
// resourceRef can point to, and make a Gslb of the same name.
const (
	// AnnotationStrategy of a source makes the Gslb; its value is a StrategyType.
	AnnotationStrategy = "gslb.meridian.dev/strategy"
	// AnnotationPrimaryGeoTag of a source is strategy.primaryGeoTag.
	AnnotationPrimaryGeoTag = "gslb.meridian.dev/primary-geotag"
	// AnnotationDNSTTLSeconds of a source is strategy.dnsTtlSeconds.
	AnnotationDNSTTLSeconds = "gslb.meridian.dev/dns-ttl-seconds"
	// AnnotationWeights of a source is strategy.weight, written "eu=3,us=1".
	AnnotationWeights = "gslb.meridian.dev/weights"
	// AnnotationFailoverOrder of a source is strategy.failoverOrder, written "eu,us,ap".
	AnnotationFailoverOrder = "gslb.meridian.dev/failover-order"
	// AnnotationHostnameAnswers of a source is strategy.hostnameAnswers: Addresses or CNAME.
	AnnotationHostnameAnswers = "gslb.meridian.dev/hostname-answers"
	// AnnotationHostname gives the hosts, separated by commas, of a source or of the object
	// a resourceRef points to, where its spec names none (Service, TCPRoute, UDPRoute). On a
	// Gslb it does so for the objects that have no such annotation.
	AnnotationHostname = "gslb.meridian.dev/hostname"
	// AnnotationEntriesFrom of a Service says where its entries come from: one of the
	// EntriesFrom values; without it, loadBalancer.
	AnnotationEntriesFrom = "gslb.meridian.dev/entries-from"
	// AnnotationEntryAddresses of a source is entryAddresses, separated by commas.
	AnnotationEntryAddresses = "gslb.meridian.dev/entry-addresses"
	// AnnotationIngressService of a Gslb, a source or an IngressClass names the Service before the
	// pods of the ingress controller, as "namespace/name", through which clients get in. A Gslb
	// and a source may name one of their own namespace without it.
	AnnotationIngressService = "gslb.meridian.dev/ingress-service"
	// AnnotationOverride of a Gslb or a source is override, drain or force, and wins over
	// spec.override. It is for hands: a GitOps tool leaves it alone.
	AnnotationOverride = "gslb.meridian.dev/override"
	// AnnotationAllowMassRemoval of a ZoneDelegation, with the value "true", lets hosts of the
	// zone vanish in a mass: the deletion guard holds none of them.
	AnnotationAllowMassRemoval = "gslb.meridian.dev/allow-mass-removal"
)

// Values of AnnotationEntriesFrom.
const (
	// EntriesFromLoadBalancer takes the addresses in the status of the Service.
	EntriesFromLoadBalancer = "loadBalancer"
	// EntriesFromExternalIPs takes spec.externalIPs.
	EntriesFromExternalIPs = "externalIPs"
	// EntriesFromNodes takes the addresses of the nodes, at its node port: the external ones,
	// or the internal ones where no node has others.
	EntriesFromNodes = "nodes"
)

// Annotations of k8gb, which mean the same.
const (
	// K8gbAnnotationStrategy means AnnotationStrategy.
	K8gbAnnotationStrategy = "k8gb.io/strategy"
	// K8gbAnnotationPrimaryGeoTag means AnnotationPrimaryGeoTag.
	K8gbAnnotationPrimaryGeoTag = "k8gb.io/primary-geotag"
	// K8gbAnnotationDNSTTLSeconds means AnnotationDNSTTLSeconds.
	K8gbAnnotationDNSTTLSeconds = "k8gb.io/dns-ttl-seconds"
	// K8gbAnnotationHostname means AnnotationHostname.
	K8gbAnnotationHostname = "k8gb.io/hostname"
	// K8gbAnnotationExposedIPAddresses, on a Gslb, means entryAddresses, separated by commas.
	K8gbAnnotationExposedIPAddresses = "k8gb.io/exposed-ip-addresses"
	// K8gbAnnotationExposedHostnames, on a Gslb, gives host names whose addresses are the
	// entries, separated by commas.
	K8gbAnnotationExposedHostnames = "k8gb.io/exposed-hostnames"
)

// Labels and finalizers that Meridian writes, and the label that it looks for.
const (
	// LabelManagedBy marks the objects that Meridian creates.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedByMeridian is the value of LabelManagedBy.
	ManagedByMeridian = "meridian"
	// LabelOrigin of a Gslb says what it was made from, if not by a person.
	LabelOrigin = "gslb.meridian.dev/origin"
	// OriginAnnotation is the value of LabelOrigin for a Gslb made from an annotation.
	OriginAnnotation = "annotation"
	// OriginReflected is the value of LabelOrigin for a Gslb made from an annotated object
	// that is itself a copy from another cluster.
	OriginReflected = "reflected"
	// OriginK8gb is the value of LabelOrigin for a Gslb that took the place of one of k8gb,
	// whose neighbours may go on asking for its hosts.
	OriginK8gb = "k8gb"
	// LabelServe marks the DNSEndpoints (externaldns.k8s.io) whose records Meridian serves in
	// its zones. Those that Meridian makes for ExternalDNS never count.
	LabelServe = "gslb.meridian.dev/serve"
	// ServeTrue is the value of LabelServe.
	ServeTrue = "true"
	// FinalizerDelegation of a ZoneDelegation keeps it until the delegation is removed from
	// the parent zone.
	FinalizerDelegation = "gslb.meridian.dev/delegation"

	// K8gbLabelManagedBy marks the Ingresses that k8gb creates.
	K8gbLabelManagedBy = "app.k8gb.io/managed-by"
	// K8gbManagedByGslb is the value of K8gbLabelManagedBy.
	K8gbManagedByGslb = "gslb"
)
