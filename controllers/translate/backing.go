// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meridian-gslb/meridian/gslb"
)

// What neighbours write on objects whose backends run elsewhere.
const (
	labelSourceCluster      = "multicluster.kubernetes.io/source-cluster" // MCS API
	annotationProvision     = "endpointslice.karmada.io/provision-cluster"
	managedByKarmadaSend    = "endpointslice-dispatch-controller.karmada.io"
	managedByKarmada        = "endpointslice-controller.karmada.io"
	derivedPrefix           = "derived-"
	importedPrefix          = "imported-"
	managedByLiqo           = "endpointslice.reflection.liqo.io"
	liqoRemoteCluster       = "liqo.io/remote-cluster-id"
	linkerdMirrored         = "mirror.linkerd.io/mirrored-service"
	linkerdCluster          = "mirror.linkerd.io/cluster-name"
	linkerdRemoteDiscovery  = "multicluster.linkerd.io/remote-discovery"
	linkerdLocalDiscovery   = "multicluster.linkerd.io/local-discovery"
	managedByEndpointSlices = "endpointslice-controller.k8s.io"
	managedByMirroring      = "endpointslicemirroring-controller.k8s.io"
)

// VirtualNodeLabel with VirtualNodeValue marks the nodes that stand for another
// cluster (Liqo).
const (
	VirtualNodeLabel = "liqo.io/type"
	VirtualNodeValue = "virtual-node"
)

// VirtualNode gives the cluster that a virtual node stands for; false for a node of
// this cluster.
func VirtualNode(node metav1.Object) (cluster string, ok bool) {
	labels := node.GetLabels()
	if labels[VirtualNodeLabel] != VirtualNodeValue {
		return "", false
	}
	if cluster = labels[liqoRemoteCluster]; cluster == "" {
		cluster = node.GetName()
	}
	return cluster, true
}

// unknownCluster stands for a cluster that no marker names.
const unknownCluster = "unknown"

// backing is where an endpoint really runs.
type backing struct {
	cluster string // "" for this cluster
	foreign bool   // the slice comes from a controller that is not known
}

// classifier tells endpoints of this cluster from others.
type classifier struct {
	self         gslb.GeoTag
	names        []string
	virtualNodes map[string]string
}

func (c *classifier) at(cluster string) backing {
	if cluster == string(c.self) || slices.Contains(c.names, cluster) {
		return backing{}
	}
	return backing{cluster: cluster}
}

// classify says where an endpoint runs, by the markers that neighbours leave. The
// first row that fits decides.
//
//	marker                                               | runs in
//	slice label multicluster.kubernetes.io/source-cluster | the cluster it names
//	Karmada: slice dispatched from another cluster       | the one its annotation names
//	Karmada: slice imported for a derived Service        | the one its name holds
//	Liqo: reflected slice                                | the cluster in nodeName
//	Liqo: nodeName is a virtual node                     | the one the node stands for
//	Linkerd: mirrored Service, endpoint is no pod        | behind the gateway of the one named
//	Endpoints mirrored, or written by hand               | here, because somebody says so
//	made from the Service's selector                     | here
//	any other manager of the slice                       | nobody knows
func (c *classifier) classify(svc *corev1.Service, slice *discoveryv1.EndpointSlice, ep *discoveryv1.Endpoint) backing {
	manager := slice.Labels[discoveryv1.LabelManagedBy]
	if cluster := slice.Labels[labelSourceCluster]; cluster != "" {
		return c.at(cluster)
	}
	if cluster := slice.Annotations[annotationProvision]; cluster != "" {
		return c.at(cluster)
	}
	node := ""
	if ep.NodeName != nil {
		node = *ep.NodeName
	}
	switch {
	case manager == managedByKarmadaSend:
		return backing{cluster: unknownCluster}
	case manager == managedByKarmada && strings.HasPrefix(slice.Name, importedPrefix):
		return c.at(importedFrom(svc.Name, slice.Name))
	case manager == managedByLiqo:
		if node == "" {
			return backing{cluster: unknownCluster}
		}
		return c.at(node)
	}
	if cluster, virtual := c.virtualNodes[node]; virtual && node != "" {
		return c.at(cluster)
	}
	if svc.Labels[linkerdMirrored] == "true" && ep.TargetRef == nil {
		if cluster := svc.Labels[linkerdCluster]; cluster != "" {
			return c.at(cluster)
		}
		return backing{cluster: unknownCluster}
	}
	switch manager {
	case "", managedByMirroring, managedByEndpointSlices:
		return backing{}
	}
	return backing{cluster: unknownCluster, foreign: true}
}

// importedFrom takes the cluster out of imported-CLUSTER-SERVICE-SUFFIX, the slice of
// Service derived-SERVICE. Both may contain dashes.
func importedFrom(service, slice string) string {
	rest := strings.TrimPrefix(slice, importedPrefix)
	if i := strings.LastIndex(rest, "-"+strings.TrimPrefix(service, derivedPrefix)); i > 0 {
		return rest[:i]
	}
	return unknownCluster
}

// opaque says why the endpoints of a Service tell nothing; "" if they do.
func opaque(svc *corev1.Service) string {
	if svc.Spec.Type == corev1.ServiceTypeExternalName {
		return "is of type ExternalName"
	}
	for _, key := range []string{linkerdRemoteDiscovery, linkerdLocalDiscovery} {
		if svc.Labels[key] != "" || svc.Annotations[key] != "" {
			return "is resolved by Linkerd without endpoints (" + key + ")"
		}
	}
	return ""
}
