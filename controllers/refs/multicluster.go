// SPDX-License-Identifier: Apache-2.0

package refs

import (
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meridian-gslb/meridian/api/gke"
	"github.com/meridian-gslb/meridian/gslb"
)

// KindMultiClusterIngress is the kind of GKE's config clusters.
var KindMultiClusterIngress = schema.GroupKind{Group: gke.Group, Kind: gke.KindMultiClusterIngress}

// readMultiClusterIngress reads a MultiClusterIngress. Its hosts are those of its rules; where
// no rule names one, those of the hostname annotation. Clients arrive at the address of its
// status. Behind each MultiClusterService stands the Service that GKE derives from it in this
// cluster; where there is none, nobody here knows its health.
func readMultiClusterIngress(mci *gke.MultiClusterIngress, l *Lookup) Target {
	t := Target{
		Source:      gslb.Source{Kind: Word(KindMultiClusterIngress), Namespace: mci.Namespace, Name: mci.Name},
		Annotations: mci.Annotations,
	}
	spec := &mci.Spec.Template.Spec
	services, _ := l.Get(AllIn(KindService, mci.Namespace))
	add := func(rule, name, path string) {
		if t.names(name) {
			return
		}
		h := Host{Name: name, Path: path, On: t.Source, Via: []gslb.Source{t.Source}, TLS: tlsCovers(tlsOf(spec), name)}
		for _, service := range servicesOf(spec, rule) {
			h.derived(mci.Namespace, service, services)
		}
		if mci.Status.VIP != "" {
			h.addEntry(Entry{IP: mci.Status.VIP, On: t.Source, Path: "status.VIP"})
		}
		t.Hosts = append(t.Hosts, h)
	}
	for i := range spec.Rules {
		if name := strings.ToLower(spec.Rules[i].Host); name != "" {
			add(name, name, fmt.Sprintf("spec.template.spec.rules[%d].host", i))
		}
	}
	if len(t.Hosts) == 0 {
		for _, h := range annotatedHosts(mci.Annotations) {
			add("", h.Name, h.Path)
		}
	}
	return t
}

// derived adds the Services that GKE derives from a MultiClusterService, in whose names it
// stands between "mci-" and "-svc-".
func (h *Host) derived(namespace, service string, services []Object) {
	found := false
	for _, obj := range services {
		if strings.HasPrefix(obj.GetName(), "mci-"+service+"-svc-") {
			h.addBackend(ServiceBackend(namespace, obj.GetName()))
			found = true
		}
	}
	if !found {
		h.addOther("MultiClusterService " + namespace + "/" + service)
	}
}

// servicesOf names the MultiClusterServices that requests for the host of a rule get to: those
// of its paths, and the one for all that no path takes.
func servicesOf(spec *gke.IngressSpec, host string) []string {
	var names []string
	open := true
	for i := range spec.Rules {
		rule := &spec.Rules[i]
		if strings.ToLower(rule.Host) != host || rule.HTTP == nil {
			continue
		}
		for j := range rule.HTTP.Paths {
			p := &rule.HTTP.Paths[j]
			names = append(names, p.Backend.ServiceName)
			open = open && p.Path != "" && p.Path != "/" && p.Path != "/*"
		}
	}
	if open && spec.Backend != nil {
		names = append(names, spec.Backend.ServiceName)
	}
	return names
}

func tlsOf(spec *gke.IngressSpec) []networkingv1.IngressTLS {
	all := make([]networkingv1.IngressTLS, len(spec.TLS))
	for i := range spec.TLS {
		all[i].Hosts = spec.TLS[i].Hosts
	}
	return all
}
