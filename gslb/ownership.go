// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"slices"
	"strings"
)

// ownNamespaces keeps namespaces from taking each other's hosts across clusters: the
// host belongs to the namespace of the oldest object that offers it, wherever that is,
// and what other namespaces offer is shown and not answered.
//
//	age of two claims      | the host belongs to
//	both known             | the older
//	one known              | the one whose age is known (files often tell none)
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
// others: the oldest of the owning namespace; nil if no cluster tells of an object.
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
