// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/gslb"
)

// readIngress reads an Ingress. Its hosts are those of its rules; where no rule
// names one, those of the hostname annotation, with every backend behind them.
func readIngress(ing *networkingv1.Ingress, _ *Lookup) Target {
	t := Target{
		Source:      gslb.Source{Kind: KindIngress.Kind, Namespace: ing.Namespace, Name: ing.Name},
		Annotations: ing.Annotations,
	}
	for i := range ing.Spec.Rules {
		if name := strings.ToLower(ing.Spec.Rules[i].Host); name != "" && !t.names(name) {
			t.Hosts = append(t.Hosts, ingressHost(ing, name, name, fmt.Sprintf("spec.rules[%d].host", i)))
		}
	}
	if len(t.Hosts) == 0 {
		for _, h := range annotatedHosts(ing.Annotations) {
			if !t.names(h.Name) {
				t.Hosts = append(t.Hosts, ingressHost(ing, "", h.Name, h.Path))
			}
		}
	}
	var entries []Entry
	for _, point := range ing.Status.LoadBalancer.Ingress {
		if point.IP != "" || point.Hostname != "" {
			entries = append(entries, Entry{IP: point.IP, Hostname: point.Hostname, On: t.Source, Path: "status.loadBalancer", Class: classOf(ing)})
		}
	}
	for i := range t.Hosts {
		t.Hosts[i].On, t.Hosts[i].Via, t.Hosts[i].Entries = t.Source, []gslb.Source{t.Source}, entries
	}
	return t
}

// classOf names the IngressClass of an Ingress; "" if it has none.
func classOf(ing *networkingv1.Ingress) string {
	if ing.Spec.IngressClassName != nil {
		return *ing.Spec.IngressClassName
	}
	return ing.Annotations["kubernetes.io/ingress.class"]
}

func (t *Target) names(host string) bool {
	return slices.ContainsFunc(t.Hosts, func(h Host) bool { return h.Name == host })
}

// annotatedHosts reads the hostname annotation, Meridian's before k8gb's.
func annotatedHosts(annotations map[string]string) []Host {
	for _, key := range []string{gslbv1beta1.AnnotationHostname, gslbv1beta1.K8gbAnnotationHostname} {
		var hosts []Host
		for name := range strings.SplitSeq(annotations[key], ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				hosts = append(hosts, Host{Name: name, Path: "metadata.annotations[" + key + "]"})
			}
		}
		if len(hosts) > 0 {
			return hosts
		}
	}
	return nil
}

// ingressHost gathers what stands behind one host: the backends of the rules for
// it, and the default backend if a request for the host can get there.
func ingressHost(ing *networkingv1.Ingress, ruleHost, name, path string) Host {
	h := Host{Name: name, Path: path, TLS: tlsCovers(ing.Spec.TLS, name)}
	reachesDefault := true
	for i := range ing.Spec.Rules {
		rule := &ing.Spec.Rules[i]
		if strings.ToLower(rule.Host) != ruleHost || rule.HTTP == nil {
			continue
		}
		for j := range rule.HTTP.Paths {
			p := &rule.HTTP.Paths[j]
			h.add(ing.Namespace, &p.Backend)
			if h.URLPath != "/" {
				h.URLPath = better(h.URLPath, urlPath(p))
			}
			reachesDefault = reachesDefault && !takesAll(p)
		}
	}
	if reachesDefault && ing.Spec.DefaultBackend != nil {
		h.add(ing.Namespace, ing.Spec.DefaultBackend)
		h.URLPath = better(h.URLPath, "/")
	}
	return h
}

func (h *Host) add(namespace string, b *networkingv1.IngressBackend) {
	switch {
	case b.Service != nil:
		h.addBackend(ServiceBackend(namespace, b.Service.Name))
	case b.Resource != nil:
		h.addOther(b.Resource.Kind + " " + namespace + "/" + b.Resource.Name)
	}
}

// takesAll reports that a path takes every request for its host.
func takesAll(p *networkingv1.HTTPIngressPath) bool {
	exact := p.PathType != nil && *p.PathType == networkingv1.PathTypeExact
	return !exact && (p.Path == "" || p.Path == "/")
}

// urlPath gives a path that the rule surely takes; "" for those whose meaning only
// the Ingress controller knows.
func urlPath(p *networkingv1.HTTPIngressPath) string {
	if takesAll(p) {
		return "/"
	}
	if p.PathType == nil || *p.PathType == networkingv1.PathTypeImplementationSpecific || !strings.HasPrefix(p.Path, "/") {
		return ""
	}
	return p.Path
}

// tlsCovers reports that clients of the host use TLS. An entry without hosts is for
// all of them.
func tlsCovers(entries []networkingv1.IngressTLS, host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	for i := range entries {
		if len(entries[i].Hosts) == 0 {
			return true
		}
		for _, covered := range entries[i].Hosts {
			covered = strings.ToLower(covered)
			if covered == host || covered == "*."+parent {
				return true
			}
		}
	}
	return false
}
