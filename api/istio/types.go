// SPDX-License-Identifier: Apache-2.0

// Package istio holds the kinds VirtualService and Gateway of Istio
// (networking.istio.io), as far as hosts, backends and addresses are read from them; every
// version of them has these fields. Istio's own module has them too, as messages of
// protocol buffers: those cannot be compared, and bring every other kind of Istio into the
// program and its memory. A test holds that both read the same. The
// CustomResourceDefinitions are Istio's: nothing here installs them, and they may be
// missing.
//
// +kubebuilder:object:generate=true
package istio

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Group is the API group.
const Group = "networking.istio.io"

// Kinds.
const (
	KindVirtualService = "VirtualService"
	KindGateway        = "Gateway"
)

// Mesh is the gateway that stands for all sidecars.
const Mesh = "mesh"

// VirtualService says where requests for hosts go.
//
// +kubebuilder:object:root=true
type VirtualService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec VirtualServiceSpec `json:"spec,omitempty"`
}

// VirtualServiceSpec is what the author wrote.
type VirtualServiceSpec struct {
	Hosts    []string `json:"hosts,omitempty"`
	Gateways []string `json:"gateways,omitempty"` // NAMESPACE/NAME or NAME, or [Mesh]; none: [Mesh]
	HTTP     []Rule   `json:"http,omitempty"`
	TLS      []Rule   `json:"tls,omitempty"`
	TCP      []Rule   `json:"tcp,omitempty"`
}

// Rule is a route of any of the three lists.
type Rule struct {
	Match    []Match       `json:"match,omitempty"` // of HTTP, any of them
	Route    []Destination `json:"route,omitempty"`
	Delegate *Delegate     `json:"delegate,omitempty"` // of HTTP: another VirtualService has the routes
}

// Match is what a rule takes.
type Match struct {
	URI          *StringMatch           `json:"uri,omitempty"`
	Method       *StringMatch           `json:"method,omitempty"`
	Headers      map[string]StringMatch `json:"headers,omitempty"`
	QueryParams  map[string]StringMatch `json:"queryParams,omitempty"`
	SourceLabels map[string]string      `json:"sourceLabels,omitempty"`
	Gateways     []string               `json:"gateways,omitempty"`
}

// StringMatch is a text, its beginning, or a pattern.
type StringMatch struct {
	Exact  string `json:"exact,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	Regex  string `json:"regex,omitempty"`
}

// Destination is a backend.
type Destination struct {
	Destination *Host `json:"destination,omitempty"`
	Weight      int32 `json:"weight,omitempty"` // with one destination alone, 0 means all
}

// Host is the host name of a destination.
type Host struct {
	Host string `json:"host,omitempty"`
}

// Delegate names a VirtualService.
type Delegate struct {
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"` // "": that of the one that delegates
}

// VirtualServiceList is a list of VirtualServices.
//
// +kubebuilder:object:root=true
type VirtualServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []VirtualService `json:"items"`
}

// Gateway opens ports at the pods that its selector means.
//
// +kubebuilder:object:root=true
type Gateway struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec GatewaySpec `json:"spec,omitempty"`
}

// GatewaySpec is what the author wrote.
type GatewaySpec struct {
	Servers  []Server          `json:"servers,omitempty"`
	Selector map[string]string `json:"selector,omitempty"`
}

// Server is a port and the hosts that it takes, each as HOST or NAMESPACE/HOST, where HOST
// may begin with a wildcard and NAMESPACE may be * or . for that of the Gateway.
type Server struct {
	Port  *Port    `json:"port,omitempty"`
	Hosts []string `json:"hosts,omitempty"`
	TLS   *TLS     `json:"tls,omitempty"`
}

// Port is a number and a protocol, such as HTTP, HTTPS, GRPC, TLS or TCP.
type Port struct {
	Number   uint32 `json:"number,omitempty"`
	Protocol string `json:"protocol,omitempty"`
}

// TLS says how a server speaks TLS.
type TLS struct {
	Mode          string `json:"mode,omitempty"`
	HTTPSRedirect bool   `json:"httpsRedirect,omitempty"`
}

// GatewayList is a list of Gateways.
//
// +kubebuilder:object:root=true
type GatewayList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Gateway `json:"items"`
}
