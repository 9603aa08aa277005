// SPDX-License-Identifier: Apache-2.0

package k8gb

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ZoneDelegation asks that the clusters answer for a zone, and that the zone's parent
// delegate it to them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=zonedelegations,singular=zonedelegation,scope=Cluster,shortName=zd
type ZoneDelegation struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	Spec ZoneDelegationSpec `json:"spec,omitzero"`
	// +optional
	Status ZoneDelegationStatus `json:"status,omitzero"`
}

// ZoneDelegationList is a list of ZoneDelegations.
//
// +kubebuilder:object:root=true
type ZoneDelegationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ZoneDelegation `json:"items"`
}

// ZoneDelegationSpec is the zone and its parent.
//
// +kubebuilder:validation:XValidation:rule="self.loadBalancedZone.endsWith('.' + self.parentZone)",message="loadBalancedZone must be a proper subdomain of parentZone"
type ZoneDelegationSpec struct {
	// loadBalancedZone is the zone that the clusters answer for.
	// +kubebuilder:validation:MaxLength=255
	LoadBalancedZone string `json:"loadBalancedZone"`
	// parentZone is the zone that delegates it.
	// +kubebuilder:validation:MaxLength=255
	ParentZone string `json:"parentZone"`
	// dnsZoneNegTTL is how many seconds a resolver may remember that a name does not exist.
	// +kubebuilder:default=30
	// +optional
	DNSZoneNegTTL *int `json:"dnsZoneNegTTL,omitempty"`
	// doFinalize says whether this cluster's name server is removed from the parent zone
	// when the object is deleted.
	// +kubebuilder:default=false
	// +optional
	DoFinalize bool `json:"doFinalize,omitempty"`
}

// ZoneDelegationStatus is what the definition of k8gb keeps of a status.
type ZoneDelegationStatus struct {
	// dnsServers are this cluster's name servers for the zone.
	// +optional
	DNSServers []DNSServer `json:"dnsServers,omitempty"`
}

// DNSServer is one name server and one of its addresses.
type DNSServer struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}
