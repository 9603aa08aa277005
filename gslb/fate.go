// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"slices"
	"strings"
)

// Needs names the clusters without which the cluster of a Part cannot serve its host, sorted:
// by geo tag where a neighbour names one of ours by its cluster id; nil: none.
func (w *World) Needs(p *Part) []string {
	var all []string
	for _, name := range p.Offer.DependsOn {
		for i := range w.Clusters {
			if c := &w.Clusters[i]; name == c.ID && name != "" {
				name = string(c.Tag)
			}
		}
		if name != string(p.Cluster) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// FailureDomain says what a cluster stands or falls with for a host.
//
//	backends of its own that are ready | it needs    | failure domain
//	some                               | nothing     | itself
//	none                               | one cluster | that one
//	none                               | several     | those: it falls with the last of them
func (w *World) FailureDomain(p *Part) string {
	if needs := w.Needs(p); len(needs) > 0 {
		return strings.Join(needs, ", ")
	}
	return string(p.Cluster)
}

// SharedFate gives the clusters that serve a host and stand or fall with another that does
// too, by failure domain; nil: each that serves it does so alone.
func (w *World) SharedFate(h *Host) map[string][]GeoTag {
	var of map[string][]GeoTag
	for i := range h.Parts {
		if p := &h.Parts[i]; p.Best() == TierHealthy {
			if of == nil {
				of = make(map[string][]GeoTag)
			}
			domain := w.FailureDomain(p)
			of[domain] = append(of[domain], p.Cluster)
		}
	}
	for domain, together := range of {
		if len(together) < 2 {
			delete(of, domain)
		}
	}
	return of
}
