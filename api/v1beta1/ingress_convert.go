// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// ToNetworkingV1 returns the Ingress spec that the embedded one stands for. Nothing
// is shared with s; lists that are empty here are nil there.
func (s *IngressSpec) ToNetworkingV1() networkingv1.IngressSpec {
	backend := s.DefaultBackend
	if backend == nil {
		backend = s.Backend
	}
	spec := networkingv1.IngressSpec{IngressClassName: clone(s.IngressClassName)}
	if backend != nil {
		converted := backend.toNetworkingV1()
		spec.DefaultBackend = &converted
	}
	for _, tls := range s.TLS {
		converted := networkingv1.IngressTLS{SecretName: tls.SecretName}
		for _, host := range tls.Hosts {
			converted.Hosts = append(converted.Hosts, string(host))
		}
		spec.TLS = append(spec.TLS, converted)
	}
	for _, rule := range s.Rules {
		spec.Rules = append(spec.Rules, rule.toNetworkingV1())
	}
	return spec
}

func (r *IngressRule) toNetworkingV1() networkingv1.IngressRule {
	rule := networkingv1.IngressRule{Host: string(r.Host)}
	if r.HTTP == nil {
		return rule
	}
	rule.HTTP = &networkingv1.HTTPIngressRuleValue{}
	for _, path := range r.HTTP.Paths {
		converted := networkingv1.HTTPIngressPath{Path: path.Path, Backend: path.Backend.toNetworkingV1()}
		if path.PathType != nil {
			pathType := networkingv1.PathType(*path.PathType)
			converted.PathType = &pathType
		}
		rule.HTTP.Paths = append(rule.HTTP.Paths, converted)
	}
	return rule
}

func (b *IngressBackend) toNetworkingV1() networkingv1.IngressBackend {
	backend := networkingv1.IngressBackend{}
	if b.Service != nil {
		backend.Service = &networkingv1.IngressServiceBackend{
			Name: b.Service.Name,
			Port: networkingv1.ServiceBackendPort{Name: b.Service.Port.Name, Number: b.Service.Port.Number},
		}
	}
	if b.Resource != nil {
		backend.Resource = &corev1.TypedLocalObjectReference{
			APIGroup: clone(b.Resource.APIGroup), Kind: b.Resource.Kind, Name: b.Resource.Name,
		}
	}
	return backend
}

func clone[T any](value *T) *T {
	if value == nil {
		return nil
	}
	copied := *value
	return &copied
}
