// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GslbStatus is what this cluster knows about the hosts of a Gslb and what it
// answers for them.
type GslbStatus struct {
	// observedGeneration is the metadata.generation that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// geoTag names this cluster.
	// +optional
	GeoTag string `json:"geoTag,omitempty"`

	// hosts are the balanced hosts, joined by ", ".
	// +optional
	Hosts string `json:"hosts,omitempty"`

	// healthyClusters are the geo tags of the clusters that can serve every host, joined
	// by ", ".
	// +optional
	HealthyClusters string `json:"healthyClusters,omitempty"`

	// serviceHealth is this cluster's health for each host: Healthy, Unhealthy, or
	// NotFound where the host's Services do not exist. A host of which nothing is known, such
	// as one without an address, is not in it.
	// +optional
	ServiceHealth map[string]ServiceHealth `json:"serviceHealth,omitempty"`

	// healthyRecords are, for each host, the addresses of all clusters that are answered
	// to clients.
	// +optional
	HealthyRecords map[string][]string `json:"healthyRecords,omitempty"`

	// loadBalancer holds this cluster's own entries.
	// +optional
	LoadBalancer LoadBalancerStatus `json:"loadBalancer,omitzero"`

	// servers are the Services behind each host, and since when it is claimed.
	// +listType=atomic
	// +optional
	Servers []Server `json:"servers,omitempty"`

	// clusters says, for each host, what every cluster offers and since when.
	// +listType=map
	// +listMapKey=host
	// +listMapKey=geoTag
	// +optional
	Clusters []ClusterStatus `json:"clusters,omitempty"`

	// answers are what this cluster answers for each host, and why. Where a strategy
	// draws between several answers there is one element for each.
	// +listType=atomic
	// +optional
	Answers []AnswerStatus `json:"answers,omitempty"`

	// conditions are Accepted, Resolved and Serving.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ServiceHealth is this cluster's health for one host.
//
// +kubebuilder:validation:Enum=Healthy;Unhealthy;NotFound
type ServiceHealth string

// Healths of a host in this cluster.
const (
	// Healthy says that this cluster can serve the host.
	Healthy ServiceHealth = "Healthy"
	// Unhealthy says that it cannot.
	Unhealthy ServiceHealth = "Unhealthy"
	// NotFound says that the host's Services do not exist.
	NotFound ServiceHealth = "NotFound"
)

// LoadBalancerStatus holds this cluster's own entries.
type LoadBalancerStatus struct {
	// exposedIps are the addresses where clients reach this cluster.
	// +listType=atomic
	// +optional
	ExposedIPs []string `json:"exposedIps,omitempty"`
}

// Server is one host, the Services behind it, and since when it is claimed.
type Server struct {
	// host is the balanced host.
	// +optional
	Host string `json:"host,omitempty"`
	// services are the Services behind it.
	// +listType=atomic
	// +optional
	Services []NamespacedName `json:"services,omitempty"`
	// claimedAt is since when this object names the host, in this cluster. Of several objects
	// that claim one host the earliest claim has it.
	// +optional
	ClaimedAt *metav1.MicroTime `json:"claimedAt,omitempty"`
}

// NamespacedName names an object in a namespace.
type NamespacedName struct {
	// namespace of the object.
	// +required
	Namespace string `json:"namespace"`
	// name of the object.
	// +required
	Name string `json:"name"`
}

// ClusterStatus is what one cluster offers for one host, as this cluster knows it.
type ClusterStatus struct {
	// host is the balanced host.
	// +required
	Host string `json:"host"`
	// geoTag names the cluster.
	// +required
	GeoTag string `json:"geoTag"`
	// liveness says whether the cluster is heard: self (this cluster), unheard (not yet),
	// fresh, doubtful, vouched (others saw it alive), lost, or left (it said goodbye).
	// +optional
	Liveness Liveness `json:"liveness,omitempty"`
	// health is what the cluster says of the host.
	// +optional
	Health ClusterHealth `json:"health,omitempty"`
	// addresses are its entries for the host.
	// +listType=atomic
	// +optional
	Addresses []string `json:"addresses,omitempty"`
	// weight is its share under weightedRoundRobin.
	// +optional
	Weight *int32 `json:"weight,omitempty"`
	// dependsOn are the clusters whose backends it needs to serve the host, because none of its
	// own is ready: geo tags, or the names by which a neighbour knows clusters that are none.
	// +listType=atomic
	// +optional
	DependsOn []string `json:"dependsOn,omitempty"`
	// failureDomain names what the host here stands or falls with: this cluster, or the
	// clusters that it depends on, joined by ", ". Clusters with the same one fail together.
	// It is empty where the cluster has no entry.
	// +optional
	FailureDomain string `json:"failureDomain,omitempty"`
	// reason says why health is what it is, in one word, such as Ready, Drained or
	// NoLocalReadyEndpoints.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says it in a sentence.
	// +optional
	Message string `json:"message,omitempty"`
	// since is when health or liveness last changed.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}

// Liveness says whether a cluster is heard.
//
// +kubebuilder:validation:Enum=self;unheard;fresh;doubtful;vouched;lost;left
type Liveness string

// States of a cluster.
const (
	// LivenessSelf is this cluster.
	LivenessSelf Liveness = "self"
	// LivenessUnheard says that the cluster is known by name and has not been heard yet.
	LivenessUnheard Liveness = "unheard"
	// LivenessFresh says that the cluster was heard within its lease.
	LivenessFresh Liveness = "fresh"
	// LivenessDoubtful says that the lease ended and witnesses are asked.
	LivenessDoubtful Liveness = "doubtful"
	// LivenessVouched says that a witness saw the cluster alive; its offers stay.
	LivenessVouched Liveness = "vouched"
	// LivenessLost says that nobody did; its offers are the last resort.
	LivenessLost Liveness = "lost"
	// LivenessLeft says that the cluster announced that it goes; its offers are gone.
	LivenessLeft Liveness = "left"
)

// ClusterHealth is what a cluster says of a host.
//
// +kubebuilder:validation:Enum=Healthy;Unhealthy;Unknown
type ClusterHealth string

// What a cluster says of a host.
const (
	// ClusterHealthy says that it can serve the host.
	ClusterHealthy ClusterHealth = "Healthy"
	// ClusterUnhealthy says that it cannot.
	ClusterUnhealthy ClusterHealth = "Unhealthy"
	// ClusterUnknown says that nothing is known, which is not the same as Unhealthy.
	ClusterUnknown ClusterHealth = "Unknown"
)

// AnswerStatus is one answer to clients.
type AnswerStatus struct {
	// host is the balanced host.
	// +required
	Host string `json:"host"`
	// type is the record type, A or AAAA; CNAME where the name of a load balancer is answered.
	// +required
	Type string `json:"type"`
	// target is the name that is answered, of type CNAME.
	// +optional
	Target string `json:"target,omitempty"`
	// addresses are answered, in no order that matters, or those of target; none is NODATA.
	// +listType=atomic
	// +optional
	Addresses []string `json:"addresses,omitempty"`
	// strategy is the strategy that was applied.
	// +optional
	Strategy string `json:"strategy,omitempty"`
	// clusters are the geo tags that the addresses belong to.
	// +listType=atomic
	// +optional
	Clusters []string `json:"clusters,omitempty"`
	// sharePercent is how many of a hundred clients get this answer, where a strategy
	// draws between several.
	// +optional
	SharePercent *int32 `json:"sharePercent,omitempty"`
	// reason says why, in one word.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says why in a sentence.
	// +optional
	Message string `json:"message,omitempty"`
}
