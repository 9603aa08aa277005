// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/meridian-gslb/meridian/api/gke"
	"github.com/meridian-gslb/meridian/api/istio"
	"github.com/meridian-gslb/meridian/api/smi"
)

// Kinds of the table.
var (
	KindIngress       = networkingv1.SchemeGroupVersion.WithKind("Ingress").GroupKind()
	KindService       = corev1.SchemeGroupVersion.WithKind("Service").GroupKind()
	KindEndpointSlice = discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice").GroupKind()
	KindNamespace     = corev1.SchemeGroupVersion.WithKind("Namespace").GroupKind()
	KindNode          = corev1.SchemeGroupVersion.WithKind("Node").GroupKind()
	KindIngressClass  = networkingv1.SchemeGroupVersion.WithKind("IngressClass").GroupKind()
	KindServiceImport = schema.GroupKind{Group: mcsv1beta1.GroupName, Kind: mcsv1beta1.ServiceImportKindName}
)

// Kind is one row of the table of kinds that translations look at.
type Kind struct {
	schema.GroupKind

	// Versions are those in which objects are read, the best first. Objects of all of them
	// have one Go type, that of the first.
	Versions []string

	// Plural is the kind's resource, as in URLs and rules of RBAC.
	Plural string

	// Optional says that the kind may be missing, come, and go: it comes with a
	// CustomResourceDefinition of others, or with a newer API server.
	Optional bool

	// New makes an empty object, List an empty list of them.
	New  func() Object
	List func() runtime.Object

	is   func(Object) bool
	read func(Object, *Lookup) Target // nil: no resourceRef points to it
}

// Referable reports that a resourceRef, or annotations, can mean objects of the kind.
func (k *Kind) Referable() bool { return k.read != nil }

// GVK gives the kind in the version that is read by preference.
func (k *Kind) GVK() schema.GroupVersionKind { return k.WithVersion(k.Versions[0]) }

// rowOf makes a row of a Go type.
func rowOf[T, L any, P interface {
	*T
	Object
}, PL interface {
	*L
	runtime.Object
}](kind schema.GroupKind, plural string, versions ...string) Kind {
	return Kind{
		GroupKind: kind, Plural: plural, Versions: versions,
		New:  func() Object { return P(new(T)) },
		List: func() runtime.Object { return PL(new(L)) },
		is:   func(o Object) bool { _, ok := o.(P); return ok },
	}
}

// source makes a row of a kind that can be referred to.
func source[T any, P interface {
	*T
	Object
}](row Kind, read func(P, *Lookup) Target) Kind {
	row.read = func(o Object, l *Lookup) Target { return read(o.(P), l) } //nolint:forcetypeassert // is was asked before
	return row
}

// optional makes a row of a kind that need not be installed.
func optional(row Kind) Kind {
	row.Optional = true
	return row
}

// Kinds is the table, not to be changed. A new kind is a new file with its read function,
// and a row in makeTable.
func Kinds() []Kind {
	tableOnce.Do(func() { table = makeTable() })
	return table
}

// table is made once, as it is looked at for every object.
var (
	tableOnce sync.Once
	table     []Kind
)

func makeTable() []Kind {
	return []Kind{
		source(rowOf[networkingv1.Ingress, networkingv1.IngressList](KindIngress, "ingresses", "v1"), readIngress),
		optional(source(rowOf[gatewayv1.HTTPRoute, gatewayv1.HTTPRouteList](KindHTTPRoute, "httproutes", "v1", "v1beta1"), readHTTPRoute)),
		optional(source(rowOf[gatewayv1.GRPCRoute, gatewayv1.GRPCRouteList](KindGRPCRoute, "grpcroutes", "v1", "v1alpha2"), readGRPCRoute)),
		optional(source(rowOf[gatewayv1.TLSRoute, gatewayv1.TLSRouteList](KindTLSRoute, "tlsroutes", "v1", "v1alpha3", "v1alpha2"), readTLSRoute)),
		optional(source(rowOf[gatewayv1.TCPRoute, gatewayv1.TCPRouteList](KindTCPRoute, "tcproutes", "v1", "v1alpha2"), readTCPRoute)),
		optional(source(rowOf[gatewayv1.UDPRoute, gatewayv1.UDPRouteList](KindUDPRoute, "udproutes", "v1", "v1alpha2"), readUDPRoute)),
		optional(rowOf[gatewayv1.Gateway, gatewayv1.GatewayList](KindGateway, "gateways", "v1", "v1beta1")),
		optional(rowOf[gatewayv1.ListenerSet, gatewayv1.ListenerSetList](KindListenerSet, "listenersets", "v1")),
		optional(rowOf[gatewayv1.ReferenceGrant, gatewayv1.ReferenceGrantList](KindReferenceGrant, "referencegrants", "v1", "v1beta1", "v1alpha2")),
		optional(source(rowOf[istio.VirtualService, istio.VirtualServiceList](KindVirtualService, "virtualservices", "v1", "v1beta1", "v1alpha3"), readVirtualService)),
		optional(rowOf[istio.Gateway, istio.GatewayList](KindIstioGateway, "gateways", "v1", "v1beta1", "v1alpha3")),
		optional(source(rowOf[gke.MultiClusterIngress, gke.MultiClusterIngressList](KindMultiClusterIngress, "multiclusteringresses", "v1", "v1beta1"), readMultiClusterIngress)),
		source(rowOf[corev1.Service, corev1.ServiceList](KindService, "services", "v1"), readService),
		optional(rowOf[mcsv1beta1.ServiceImport, mcsv1beta1.ServiceImportList](KindServiceImport, "serviceimports", "v1beta1", "v1alpha1")),
		optional(rowOf[smi.TrafficSplit, smi.TrafficSplitList](KindTrafficSplit, "trafficsplits", "v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1")),
		rowOf[discoveryv1.EndpointSlice, discoveryv1.EndpointSliceList](KindEndpointSlice, "endpointslices", "v1"),
		rowOf[corev1.Namespace, corev1.NamespaceList](KindNamespace, "namespaces", "v1"),
		rowOf[corev1.Node, corev1.NodeList](KindNode, "nodes", "v1"),
		optional(rowOf[networkingv1.IngressClass, networkingv1.IngressClassList](KindIngressClass, "ingressclasses", "v1")), // a start goes on without the right to read it
		optional(rowOf[networkingv1.ServiceCIDR, networkingv1.ServiceCIDRList](KindServiceCIDR, "servicecidrs", "v1", "v1beta1")),
	}
}

// Row gives the row of a kind; nil if it is not in the table.
func Row(kind schema.GroupKind) *Kind {
	all := Kinds()
	if i := slices.IndexFunc(all, func(k Kind) bool { return k.GroupKind == kind }); i >= 0 {
		return &all[i]
	}
	return nil
}

// Supported reports that a resourceRef can be to objects of the kind in this version.
func Supported(gvk schema.GroupVersionKind) bool {
	row := Row(gvk.GroupKind())
	return row != nil && row.Referable() && slices.Contains(row.Versions, gvk.Version)
}

// RowOf gives the row of an object's Go type; nil if it is not in the table.
func RowOf(obj Object) *Kind {
	all := Kinds()
	if i := slices.IndexFunc(all, func(k Kind) bool { return k.is(obj) }); i >= 0 {
		return &all[i]
	}
	return nil
}

// KindOf gives the kind of an object, in the version that it was read in where it says so;
// the empty kind if it is not in the table.
func KindOf(obj Object) schema.GroupVersionKind {
	row := RowOf(obj)
	if row == nil {
		return schema.GroupVersionKind{}
	}
	if gvk := obj.GetObjectKind().GroupVersionKind(); gvk.GroupKind() == row.GroupKind && slices.Contains(row.Versions, gvk.Version) {
		return gvk
	}
	return row.GVK()
}

// Word names a kind in sentences, logs and metrics: its name alone where no other kind of
// the table has it, else with the group: "Gateway", "Gateway.networking.istio.io".
func Word(kind schema.GroupKind) string {
	for _, k := range Kinds() {
		if k.GroupKind == kind {
			return kind.Kind
		}
		if k.Kind == kind.Kind {
			break
		}
	}
	return kind.String()
}

// kindList names the kinds as they are written in a resourceRef.
func kindList() string {
	var words []string
	for _, k := range Kinds() {
		if k.Referable() {
			words = append(words, k.Kind+" ("+strings.TrimPrefix(k.Group+"/"+strings.Join(k.Versions, ", "), "/")+")")
		}
	}
	return strings.Join(words, ", ")
}

// podLabels are the labels of the pods that a Service selects; nil for other objects.
func podLabels(obj Object) map[string]string {
	if svc, ok := obj.(*corev1.Service); ok {
		return svc.Spec.Selector
	}
	return nil
}
