// SPDX-License-Identifier: Apache-2.0

package validate

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/meridian-gslb/meridian/api/gke"
	"github.com/meridian-gslb/meridian/api/istio"
	"github.com/meridian-gslb/meridian/api/smi"
)

// foreignKinds are the kinds of others that Meridian reads, with a Go type that has what every
// version of them has. Rules of their own schemas are not checked: whoever installs them does.
func foreignKinds() map[schema.GroupKind]runtime.Object {
	gateway := func(kind string) schema.GroupKind { return schema.GroupKind{Group: gatewayv1.GroupName, Kind: kind} }
	mesh := func(kind string) schema.GroupKind { return schema.GroupKind{Group: istio.Group, Kind: kind} }
	return map[schema.GroupKind]runtime.Object{
		gateway("HTTPRoute"):      &gatewayv1.HTTPRoute{},
		gateway("GRPCRoute"):      &gatewayv1.GRPCRoute{},
		gateway("TLSRoute"):       &gatewayv1.TLSRoute{},
		gateway("TCPRoute"):       &gatewayv1.TCPRoute{},
		gateway("UDPRoute"):       &gatewayv1.UDPRoute{},
		gateway("Gateway"):        &gatewayv1.Gateway{},
		gateway("ListenerSet"):    &gatewayv1.ListenerSet{},
		gateway("ReferenceGrant"): &gatewayv1.ReferenceGrant{},
		mesh("VirtualService"):    &istio.VirtualService{},
		mesh("Gateway"):           &istio.Gateway{},
		{Group: mcsv1beta1.GroupName, Kind: mcsv1beta1.ServiceImportKindName}: &mcsv1beta1.ServiceImport{},
		{Group: gke.Group, Kind: gke.KindMultiClusterIngress}:                 &gke.MultiClusterIngress{},
		{Group: smi.Group, Kind: smi.KindTrafficSplit}:                        &smi.TrafficSplit{},
		networkingv1.SchemeGroupVersion.WithKind("ServiceCIDR").GroupKind():   &networkingv1.ServiceCIDR{},
		networkingv1.SchemeGroupVersion.WithKind("IngressClass").GroupKind():  &networkingv1.IngressClass{},
	}
}

// foreignVersions lists the versions in which a kind of others is read, the newest first.
func foreignVersions(kind schema.GroupKind) []string {
	switch {
	case kind.Group == istio.Group:
		return []string{"v1", "v1beta1", "v1alpha3"}
	case kind.Group == mcsv1beta1.GroupName:
		return []string{"v1beta1", "v1alpha1"}
	case kind.Group == smi.Group:
		return []string{"v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"}
	case kind.Kind == "TLSRoute":
		return []string{"v1", "v1alpha3", "v1alpha2"}
	case kind.Group == networkingv1.GroupName:
		return []string{"v1", "v1beta1"}
	case kind.Group == gke.Group, kind.Kind == "Gateway", kind.Kind == "HTTPRoute":
		return []string{"v1", "v1beta1"}
	case kind.Kind == "ReferenceGrant":
		return []string{"v1", "v1beta1", "v1alpha2"}
	case kind.Kind == "ListenerSet":
		return []string{"v1"}
	}
	return []string{"v1", "v1alpha2"}
}

// partly reports that the Go type of a kind has not all of its fields, so that those it does
// not know are no mistake.
func partly(kind schema.GroupKind) bool { return kind.Group == istio.Group || kind.Group == gke.Group }
