// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"slices"
	"strings"
)

// ownNamespaces keeps namespaces from taking each other's hosts across clusters: the
// host belongs to the namespace with the earliest claim on it, wherever that is, and what
// other namespaces offer is shown and not answered. So a namespace that has a host in one
// cluster has it in any other, however late its object there takes it up.
//
//	times of two claims    | the host belongs to
//	both known             | the earlier
//	one known              | the one whose time is known (files often tell none)
//	equal, or both unknown | the smaller namespace
//
// Every cluster that knows the same offers finds the same owner. An offer that names no
// namespace is nobody's rival.
func ownNamespaces(h *Host) {
	var oldest *Offer
	several := false
	for i := range h.Parts {
		o := h.Parts[i].Offer
		if o.PolicyUnknown || o.Source.Namespace == "" {
			continue
		}
		several = several || oldest != nil && o.Source.Namespace != oldest.Source.Namespace
		if oldest == nil || ownsBefore(o, oldest) {
			oldest = o
		}
	}
	if !several {
		return
	}
	for i := range h.Parts {
		p := &h.Parts[i]
		if p.Offer.PolicyUnknown || p.Offer.Source.Namespace == "" || p.Offer.Source.Namespace == oldest.Source.Namespace {
			continue
		}
		p.Foreign = true
		p.Entries = slices.Clone(p.Entries)
		for j := range p.Entries {
			p.Entries[j] = Candidate{Addr: p.Entries[j].Addr, Tier: TierOut, Reason: ReasonForeignNamespace}
		}
	}
}

// standsForUs gives the claims of this cluster on a host, that first which the cluster offers:
// the earliest, unless by what other clusters offer the host belongs to the namespace of
// another, which then goes before. The cluster with the earliest claim of all offers that in
// any case, so all clusters come to one owner, in whatever order they hear of each other.
func standsForUs(claims []*Offer, peers []peerOffer) []*Offer {
	if len(claims) < 2 {
		return claims
	}
	owner := claims[0]
	for _, p := range peers {
		if o := p.offer; !o.PolicyUnknown && o.Source.Namespace != "" && ownsBefore(o, owner) {
			owner = o
		}
	}
	i := slices.IndexFunc(claims, func(o *Offer) bool { return o.Source.Namespace == owner.Source.Namespace })
	if i <= 0 {
		return claims
	}
	first := append([]*Offer{claims[i]}, claims[:i]...)
	return append(first, claims[i+1:]...)
}

func ownsBefore(a, b *Offer) bool {
	if a.Created.IsZero() != b.Created.IsZero() {
		return b.Created.IsZero()
	}
	if c := a.Created.Compare(b.Created); c != 0 {
		return c < 0
	}
	return strings.Compare(a.Source.Namespace, b.Source.Namespace) < 0
}

// Owner gives the part whose object the host belongs to, as [Part.Foreign] says of the
// others: the earliest of the owning namespace; nil if no cluster tells of an object.
func (h *Host) Owner() *Part {
	var owner *Part
	for i := range h.Parts {
		p := &h.Parts[i]
		if p.Foreign || p.Offer.PolicyUnknown {
			continue
		}
		if owner == nil || ownsBefore(p.Offer, owner.Offer) {
			owner = p
		}
	}
	return owner
}
