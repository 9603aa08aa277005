// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

func serviceSource(svc *corev1.Service) gslb.Source {
	return gslb.Source{Kind: KindService.Kind, Namespace: svc.Namespace, Name: svc.Name}
}

// readService reads a Service. Its hosts are those of the hostname annotation; behind each is
// the Service itself.
//
//	annotation entries-from | type                     | entries
//	any                     | ExternalName             | none, and it is told
//	– or loadBalancer       | LoadBalancer             | its status
//	– or loadBalancer       | any other                | none, and it is told
//	externalIPs             | any other                | spec.externalIPs, in the families of the Service
//	nodes                   | NodePort or LoadBalancer | the addresses of the nodes that take its requests
func readService(svc *corev1.Service, l *Lookup) Target {
	t := Target{Source: serviceSource(svc), Annotations: svc.Annotations}
	var behind Host
	behind.addBackend(ServiceBackend(svc.Namespace, svc.Name))
	entries, missing := serviceEntries(svc, l)
	for _, h := range annotatedHosts(svc.Annotations) {
		if t.names(h.Name) {
			continue
		}
		h.On, h.Via, h.Entries, h.Missing, h.Backends = t.Source, []gslb.Source{t.Source}, entries, missing, behind.Backends
		t.Hosts = append(t.Hosts, h)
	}
	return t
}

// serviceEntries gives where clients of a Service arrive.
func serviceEntries(svc *corev1.Service, l *Lookup) (entries []Entry, missing []string) {
	on := serviceSource(svc)
	if why := betweenClusters(svc); why != "" {
		return nil, []string{fmt.Sprintf("%s %s", on, why)}
	}
	if svc.Spec.Type == corev1.ServiceTypeExternalName {
		return nil, []string{fmt.Sprintf("%s is of type ExternalName, at which no client arrives: give entryAddresses", on)}
	}
	switch from := svc.Annotations[gslbv1beta1.AnnotationEntriesFrom]; from {
	case "", gslbv1beta1.EntriesFromLoadBalancer:
		if svc.Spec.Type != corev1.ServiceTypeLoadBalancer {
			return nil, []string{fmt.Sprintf("%s is not of type LoadBalancer; annotation %s can be %s or %s", on,
				gslbv1beta1.AnnotationEntriesFrom, gslbv1beta1.EntriesFromExternalIPs, gslbv1beta1.EntriesFromNodes)}
		}
		entries = balancerEntries(svc)
	case gslbv1beta1.EntriesFromExternalIPs:
		for _, ip := range svc.Spec.ExternalIPs {
			if !openAt(svc, ip) {
				missing = append(missing, fmt.Sprintf("%s is not open at %s of spec.externalIPs, which is of another family than its ipFamilies", on, ip))
				continue
			}
			entries = append(entries, Entry{IP: ip, On: on, Path: "spec.externalIPs"})
		}
		if len(svc.Spec.ExternalIPs) == 0 {
			missing = []string{fmt.Sprintf("%s has no spec.externalIPs", on)}
		}
	case gslbv1beta1.EntriesFromNodes:
		if !slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool { return p.NodePort != 0 }) {
			return nil, []string{fmt.Sprintf("%s has no node port", on)}
		}
		return nodeEntries(svc, l)
	default:
		return nil, []string{fmt.Sprintf("annotation %s of %s is %q, which is not %s, %s or %s", gslbv1beta1.AnnotationEntriesFrom, on, from,
			gslbv1beta1.EntriesFromLoadBalancer, gslbv1beta1.EntriesFromExternalIPs, gslbv1beta1.EntriesFromNodes)}
	}
	scheme, port := servicePort(svc, false)
	for i := range entries {
		entries[i].Scheme, entries[i].Port = scheme, port
	}
	return entries, missing
}

// balancerEntries gives the addresses in the status of a Service, without scheme and port.
func balancerEntries(svc *corev1.Service) []Entry {
	var entries []Entry
	for _, point := range svc.Status.LoadBalancer.Ingress {
		if point.IP != "" || point.Hostname != "" {
			entries = append(entries, Entry{IP: point.IP, Hostname: point.Hostname, On: serviceSource(svc), Path: "status.loadBalancer"})
		}
	}
	return entries
}

// servicePort says how clients speak with a Service: at its first port, or node port, by TCP,
// and by https or http where that is the port's number or name.
func servicePort(svc *corev1.Service, node bool) (scheme string, port uint16) {
	for i := range svc.Spec.Ports {
		p := &svc.Spec.Ports[i]
		number := p.Port
		if node {
			number = p.NodePort
		}
		switch {
		case p.Protocol != "" && p.Protocol != corev1.ProtocolTCP || number == 0:
			continue
		case p.Port == 443 || p.Name == "https":
			return "https", uint16(number) //nolint:gosec // the API server bounds it to 1..65535
		case p.Port == 80 || p.Name == "http":
			return "http", uint16(number) //nolint:gosec // as above
		}
		if scheme == "" {
			scheme, port = "tcp", uint16(number) //nolint:gosec // as above
		}
	}
	if scheme == "" {
		return "udp", 0
	}
	return scheme, port
}

// betweenClusters says that a Service is a gateway of traffic between clusters, whose address
// is for no client, in words; "" if it is not.
func betweenClusters(svc *corev1.Service) string {
	const is = "is a gateway between clusters (%s), whose addresses are never published"
	port := func(number int32) bool {
		return slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == number })
	}
	for _, label := range []string{"app", "istio"} {
		if strings.HasSuffix(svc.Labels[label], "eastwestgateway") || strings.HasSuffix(svc.Spec.Selector[label], "eastwestgateway") {
			return fmt.Sprintf(is, "Istio's east-west gateway")
		}
	}
	switch {
	case port(15443) && !port(80) && !port(443):
		return fmt.Sprintf(is, "port 15443")
	case svc.Labels["linkerd.io/extension"] == "multicluster" || svc.Name == "linkerd-gateway" && svc.Namespace == "linkerd-multicluster":
		return fmt.Sprintf(is, "Linkerd's")
	case svc.Namespace == "submariner-operator" || svc.Labels["networking.liqo.io/gateway"] != "" || svc.Labels["net.liqo.io/gateway"] != "":
		return fmt.Sprintf(is, "Submariner's or Liqo's")
	}
	return ""
}
