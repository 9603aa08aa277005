// SPDX-License-Identifier: Apache-2.0

package strategies

import (
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// maxScale bounds by how much weights are multiplied to be divided evenly.
const maxScale = 5040

// alias makes the answers of a host whose policy asks for CNAMEs: the addresses of a load
// balancer that has a name become an answer of their own, which is that name; a CNAME
// stands alone, so that the answers are drawn. At the apex of a zone there can be none
// (RFC 1034 §3.6.2).
//
//	an answer of              | becomes
//	addresses alone           | itself
//	addresses of one name     | the name, with the same weight
//	several names, addresses  | one answer for each name and one for the addresses; each draws
//	                            equally for the clusters behind it, together the weight as before
func alias(h *gslb.Host, d *Decision) {
	if !h.Policy.CNAME || h.Name == h.Zone {
		return
	}
	named := make(map[netip.Addr]string)
	for i := range h.Parts {
		for _, e := range h.Parts[i].Entries {
			if e.Hostname != "" {
				named[e.Addr] = e.Hostname
			}
		}
	}
	if len(named) == 0 {
		return
	}
	split := make([][]Answer, len(d.Answers))
	scale := uint32(1)
	for i := range d.Answers {
		split[i] = byTarget(h, &d.Answers[i], named)
		if sum := total(split[i]); scale%sum != 0 && scale*sum <= maxScale {
			scale *= sum
		}
	}
	weighed := total(d.Answers) > 0
	var out []Answer
	for i, parts := range split {
		sum := total(parts)
		for _, p := range parts {
			if weighed {
				p.Weight = max(p.Weight*scale/sum*d.Answers[i].Weight, min(1, d.Answers[i].Weight))
			}
			out = append(out, p)
		}
	}
	if len(out) == 1 && !weighed {
		out[0].Weight = 0
	}
	d.Answers = out
}

func total(answers []Answer) (sum uint32) {
	for i := range answers {
		sum += answers[i].Weight
	}
	return sum
}

// byTarget takes an answer apart: one for each name, in the order of the names, the
// addresses without a name before them. Weights count the clusters behind each.
func byTarget(h *gslb.Host, a *Answer, named map[netip.Addr]string) []Answer {
	groups := make(map[string][]netip.Addr)
	var targets []string
	for _, addr := range a.Addrs {
		t := named[addr]
		if groups[t] == nil {
			targets = append(targets, t)
		}
		groups[t] = append(groups[t], addr)
	}
	slices.Sort(targets)
	var out []Answer
	for _, t := range targets {
		p := Answer{Target: t, Addrs: groups[t]}
		for _, c := range a.Clusters {
			if slices.ContainsFunc(h.Part(c).Entries, func(e gslb.Candidate) bool { return slices.Contains(p.Addrs, e.Addr) }) {
				p.Clusters = append(p.Clusters, c)
			}
		}
		p.Weight = max(1, uint32(len(p.Clusters)))
		out = append(out, p)
	}
	return out
}
