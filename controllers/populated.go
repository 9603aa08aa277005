// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// populated remembers which Services were seen with an endpoint, ready or not, since the start:
// one that never had any stands before nobody. Safe for concurrent use; the zero value knows of
// none.
type populated struct{ services sync.Map }

// see notes an EndpointSlice.
func (p *populated) see(obj client.Object) {
	slice, ok := obj.(*discoveryv1.EndpointSlice)
	if !ok || len(slice.Endpoints) == 0 || slice.Labels[discoveryv1.LabelServiceName] == "" {
		return
	}
	name := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
	if _, known := p.services.Load(name); !known {
		p.services.Store(name, struct{}{})
	}
}

func (p *populated) has(service types.NamespacedName) bool {
	_, known := p.services.Load(service)
	return known
}

// forget is told that a Service is gone.
func (p *populated) forget(service types.NamespacedName) { p.services.Delete(service) }
