// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// needsOf names the clusters without which one cannot serve a host: by their geo tags where
// they are clusters of ours, by which neighbours may not name them; nil: none.
func needsOf(w *gslb.World, p *gslb.Part) []string {
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

// failureDomain says what a cluster stands or falls with for a host.
//
//	it has backends of its own | it needs           | failure domain
//	yes                        | nothing            | itself
//	none that are ready        | one cluster        | that one
//	none that are ready        | one of several     | those: it falls with the last of them
func failureDomain(w *gslb.World, p *gslb.Part) string {
	if needs := needsOf(w, p); len(needs) > 0 {
		return strings.Join(needs, ", ")
	}
	return string(p.Cluster)
}

// sharedFate gives the clusters that serve a host and stand or fall with another that does,
// sorted; nil: each that serves it does so alone.
func sharedFate(w *gslb.World, h *gslb.Host) []gslb.GeoTag {
	if h == nil {
		return nil
	}
	of := make(map[string][]gslb.GeoTag)
	for i := range h.Parts {
		if p := &h.Parts[i]; p.Best() == gslb.TierHealthy {
			domain := failureDomain(w, p)
			of[domain] = append(of[domain], p.Cluster)
		}
	}
	var all []gslb.GeoTag
	for _, together := range of {
		if len(together) > 1 {
			all = append(all, together...)
		}
	}
	slices.Sort(all)
	return all
}
