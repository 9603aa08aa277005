// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// hidesClients reports that a Service gives its Pods the addresses of nodes in the
// place of those of its clients:
//
//	type                     | external traffic policy | hides
//	LoadBalancer or NodePort | Cluster, the default    | yes
//	LoadBalancer or NodePort | Local                   | no
//	ClusterIP                | –                       | no
func hidesClients(svc *corev1.Service) bool {
	switch svc.Spec.Type {
	case corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort:
		return svc.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal
	default:
		return false
	}
}

// observeOwn takes our own DNS Service; nil: it is gone, and says nothing of clients.
func (c *collector) observeOwn(svc *corev1.Service) {
	c.glue.observe(svc)
	if svc == nil || c.cfg.HideClients == nil {
		return
	}
	hidden := hidesClients(svc)
	c.cfg.HideClients(hidden)
	c.noteClients(hidden)
}

// noteClients notes whether the addresses of clients are seen, and has zones tell so.
func (c *collector) noteClients(hidden bool) {
	is := clientsSeen
	if hidden {
		is = clientsHidden
	}
	if c.clients.Swap(is) != is {
		c.tellZones()
	}
}

// tellZones has the status of every ZoneDelegation that is served written.
func (c *collector) tellZones() {
	zones := c.zones.Load()
	if zones == nil || c.tell == nil {
		return
	}
	for i := range zones.Zones {
		if name := zones.Zones[i].Delegation; name != "" {
			c.tell(task{writeZone, types.NamespacedName{Name: name}})
		}
	}
}
