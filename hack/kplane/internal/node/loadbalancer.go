// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/meridian-gslb/meridian/hack/kplane/internal/addresses"
)

// loadBalancers gives every Service of type LoadBalancer an address of its own
// and proxies its TCP ports to its ready endpoints. An address is told only when
// all its ports listen. UDP and SCTP ports get the address but no proxy: whoever
// wants them may listen there. With AddressesOnly there are no proxies at all, for
// kube-proxy forwards what is sent to an address in a Service's status. A Service
// that asks for an address of the range (spec.loadBalancerIP) has it, or waits for it.
type loadBalancers struct {
	config    Config
	backends  *backends
	pool      *addresses.Pool
	balancers map[string]*balancer // by key; only reconcile, adopt and close use it
}

type balancer struct {
	uid     types.UID
	address netip.Addr
	proxies map[int32]*tcpProxy // by the Service's port
}

func newLoadBalancers(config Config, backends *backends) *loadBalancers {
	return &loadBalancers{
		config:    config,
		backends:  backends,
		pool:      addresses.NewPool(config.Plan.LoadBalancers()),
		balancers: map[string]*balancer{},
	}
}

// adopt keeps the addresses that an earlier run gave out.
func (l *loadBalancers) adopt() {
	services, err := l.backends.services.List(labels.Everything())
	if err != nil {
		return // a lister of a filled cache has no errors
	}
	for _, service := range services {
		if address, ok := l.given(service); ok && l.wanted(service) {
			l.pool.Claim(address, string(service.UID))
		}
	}
}

func (l *loadBalancers) reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	service, err := l.backends.services.Services(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		l.drop(key)
		return nil
	}
	if err != nil {
		return err
	}
	if !l.wanted(service) {
		return l.retire(ctx, key, service)
	}
	b := l.balancers[key]
	if b == nil || b.uid != service.UID {
		l.drop(key)
		address, err := l.take(service)
		if err != nil {
			return fmt.Errorf("no address for the Service: %w", err)
		}
		b = &balancer{uid: service.UID, address: address, proxies: map[int32]*tcpProxy{}}
		l.balancers[key] = b
		for _, port := range service.Spec.Ports {
			if !isTCP(port.Protocol) && !l.config.AddressesOnly {
				l.config.Log.Info("port has an address but no proxy: only TCP is proxied",
					"service", key, "address", address, "port", port.Port, "protocol", port.Protocol)
			}
		}
	}
	if !l.config.AddressesOnly {
		if err := l.listen(b, service); err != nil {
			return fmt.Errorf("the Service gets no address: %w", err)
		}
	}
	if address, ok := l.given(service); ok && address == b.address && len(service.Status.LoadBalancer.Ingress) == 1 {
		return nil
	}
	return l.publish(ctx, service, []corev1.LoadBalancerIngress{{IP: b.address.String()}})
}

// take returns the address of the Service: the one that it asks for, if it is in
// the range and free, else any.
func (l *loadBalancers) take(service *corev1.Service) (netip.Addr, error) {
	asked := service.Spec.LoadBalancerIP
	if asked == "" {
		return l.pool.Take(string(service.UID))
	}
	address, err := netip.ParseAddr(asked)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("spec.loadBalancerIP: %w", err)
	}
	l.pool.Release(string(service.UID)) // it may have had another in an earlier run
	if !l.pool.Claim(address, string(service.UID)) {
		return netip.Addr{}, fmt.Errorf("spec.loadBalancerIP: %s is taken, or outside of %s", address, l.config.Plan.LoadBalancers())
	}
	return address, nil
}

// wanted says whether the Service is ours to serve.
func (l *loadBalancers) wanted(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil &&
		service.DeletionTimestamp == nil && service.Annotations[IgnoreAnnotation] != "true"
}

// given returns the address of our range that the Service's status has.
func (l *loadBalancers) given(service *corev1.Service) (netip.Addr, bool) {
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil && l.config.Plan.LoadBalancers().Contains(address) {
			return address, true
		}
	}
	return netip.Addr{}, false
}

// listen opens and closes proxies until they are those of the Service's ports.
func (l *loadBalancers) listen(b *balancer, service *corev1.Service) error {
	wanted := map[int32]string{}
	for _, port := range service.Spec.Ports {
		if isTCP(port.Protocol) {
			wanted[port.Port] = port.Name
		}
	}
	for number, proxy := range b.proxies {
		if name, ok := wanted[number]; !ok || name != proxy.port {
			proxy.close()
			delete(b.proxies, number)
		}
	}
	var errs []error
	for number, name := range wanted {
		if b.proxies[number] != nil {
			continue
		}
		listener, err := net.Listen("tcp", netip.AddrPortFrom(b.address, uint16(number)).String())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		namespace, serviceName := service.Namespace, service.Name
		proxy := newTCPProxy(listener, name, func() ([]netip.AddrPort, error) {
			return l.backends.ready(namespace, serviceName, name, number)
		})
		b.proxies[number] = proxy
		go proxy.serve()
	}
	return errors.Join(errs...)
}

// isTCP knows that TCP is the default.
func isTCP(protocol corev1.Protocol) bool {
	return protocol == corev1.ProtocolTCP || protocol == ""
}

// retire takes the address away from a Service that is not ours any more, and
// out of its status while it exists.
func (l *loadBalancers) retire(ctx context.Context, key string, service *corev1.Service) error {
	had := l.balancers[key] != nil
	l.drop(key)
	if _, ok := l.given(service); !ok || !had || service.DeletionTimestamp != nil || service.Annotations[IgnoreAnnotation] == "true" {
		return nil
	}
	return l.publish(ctx, service, []corev1.LoadBalancerIngress{})
}

func (l *loadBalancers) publish(ctx context.Context, service *corev1.Service, ingress []corev1.LoadBalancerIngress) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": service.UID},
		"status":   map[string]any{"loadBalancer": map[string]any{"ingress": ingress}},
	})
	if err != nil {
		return err
	}
	_, err = l.config.Client.CoreV1().Services(service.Namespace).Patch(ctx, service.Name,
		types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another of its name is there; the cache will say so
	}
	return err
}

func (l *loadBalancers) drop(key string) {
	b := l.balancers[key]
	if b == nil {
		return
	}
	for _, proxy := range b.proxies {
		proxy.close()
	}
	delete(l.balancers, key)
	l.pool.Release(string(b.uid))
}

func (l *loadBalancers) close() {
	for key := range l.balancers {
		l.drop(key)
	}
}
