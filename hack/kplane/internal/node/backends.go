// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
)

// backends finds the ready endpoints of a Service in the cache. It is safe for
// concurrent use.
type backends struct {
	services corelisters.ServiceLister
	slices   cache.Indexer // EndpointSlices, by byService
	plan     addresses.Plan
}

// byService indexes EndpointSlices by the namespace/name of their Service.
const byService = "service"

func indexByService(object any) ([]string, error) {
	slice, ok := object.(*discoveryv1.EndpointSlice)
	if !ok {
		return nil, fmt.Errorf("%T is no EndpointSlice", object)
	}
	name := slice.Labels[discoveryv1.LabelServiceName]
	if name == "" {
		return nil, nil
	}
	return []string{slice.Namespace + "/" + name}, nil
}

// ready returns where the ready endpoints of a Service's port listen, sorted,
// each once. The port is given by name or else by number. An error says why there
// is none, for a person to read.
func (b *backends) ready(namespace, service, portName string, portNumber int32) ([]netip.AddrPort, error) {
	if service == "" {
		return nil, fmt.Errorf("the backend is no Service")
	}
	object, err := b.services.Services(namespace).Get(service)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("no Service %s/%s", namespace, service)
	}
	if err != nil {
		return nil, err
	}
	name, err := portOf(object, portName, portNumber)
	if err != nil {
		return nil, err
	}
	found, err := b.slices.ByIndex(byService, namespace+"/"+service)
	if err != nil {
		return nil, err
	}
	var ready []netip.AddrPort
	elsewhere := 0
	for _, object := range found {
		if slice, ok := object.(*discoveryv1.EndpointSlice); ok {
			here, skipped := b.readyIn(slice, name)
			ready = append(ready, here...)
			elsewhere += skipped
		}
	}
	slices.SortFunc(ready, netip.AddrPort.Compare)
	ready = slices.Compact(ready)
	switch {
	case len(ready) > 0:
		return ready, nil
	case elsewhere > 0:
		return nil, fmt.Errorf("the %d ready endpoints of Service %s/%s are outside this machine", elsewhere, namespace, service)
	}
	return nil, fmt.Errorf("no endpoint of Service %s/%s is ready", namespace, service)
}

// readyIn returns the ready endpoints of one slice, and how many more are not
// to be dialled from here.
func (b *backends) readyIn(slice *discoveryv1.EndpointSlice, portName string) (ready []netip.AddrPort, elsewhere int) {
	for _, port := range slice.Ports {
		if port.Port == nil || deref(port.Name) != portName {
			continue
		}
		if port.Protocol != nil && *port.Protocol != corev1.ProtocolTCP {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready || len(endpoint.Addresses) == 0 {
				continue
			}
			address, err := netip.ParseAddr(endpoint.Addresses[0]) // the others are the same endpoint's
			if err != nil {
				continue // a slice of host names
			}
			at, ok := b.plan.Listening(address)
			if !ok {
				elsewhere++
				continue
			}
			ready = append(ready, netip.AddrPortFrom(at, uint16(*port.Port)))
		}
	}
	return ready, elsewhere
}

// portOf returns the name by which slices call a Service's port.
func portOf(service *corev1.Service, name string, number int32) (string, error) {
	for _, port := range service.Spec.Ports {
		if name != "" && port.Name == name || name == "" && port.Port == number {
			return port.Name, nil
		}
	}
	if name != "" {
		return "", fmt.Errorf("the Service %s/%s has no port named %q", service.Namespace, service.Name, name)
	}
	return "", fmt.Errorf("the Service %s/%s has no port %d", service.Namespace, service.Name, number)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
