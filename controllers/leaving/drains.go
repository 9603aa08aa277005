// SPDX-License-Identifier: Apache-2.0

package leaving

import (
	"net/netip"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/meridian-gslb/meridian/controllers/translate"
	"github.com/meridian-gslb/meridian/gslb"
)

// mostDrain bounds how long an address stays that its object does not have any more.
const mostDrain = 5 * time.Minute

// Drains keeps, beside the addresses that the objects of a host have now, those that they
// had: make before break. Resolvers go on giving the old ones out for the TTL, and the
// new one may not serve yet. Whether an old address is answered is for the Store to say,
// by what probes find; see gslb.Entry.Draining. It is not safe for concurrent use.
//
//	the host now                              | an address that it had stays
//	has other addresses, somebody can ask it  | for the TTL, five minutes at most
//	has other addresses, nobody can           | not
//	has no address, but a name to resolve     | for the hold, if none took its place; else as before
//	has no entry at all, or is not offered    | not (Memory has kept it if its status went empty)
//	any of these, and the address is refused  | not: it lies inside the cluster
//	has no address, in a process that began   | for the hold: that of before may have kept it since its
//	with a World where it had some            | status went empty
type Drains struct {
	hold   time.Duration
	asks   bool // hosts without a check are asked as well
	before func(gslb.Source, gslb.Name) []gslb.Entry
	of     map[types.NamespacedName]map[gslb.Name]*drained
}

// drained is what is known of one host of one Gslb.
type drained struct {
	has  []gslb.Entry // addresses in the last translation
	left []leftEntry  // what it had before that
}

// leftEntry is an address that the objects of a host do not have any more.
type leftEntry struct {
	entry gslb.Entry
	at    time.Time
	first bool // it had left when this process looked for the first time
	last  bool // no other address took its place since
}

// NewDrains makes Drains. asks says that entries of hosts without a health check are asked
// whether they still serve. before says which entries an object offered for a host before
// this process translated it for the first time; it is asked once for each.
func NewDrains(hold time.Duration, asks bool, before func(gslb.Source, gslb.Name) []gslb.Entry) *Drains {
	return &Drains{hold: hold, asks: asks, before: before, of: make(map[types.NamespacedName]map[gslb.Name]*drained)}
}

// Forget drops what is known of a Gslb that is gone.
func (d *Drains) Forget(key types.NamespacedName) { delete(d.of, key) }

// Apply adds to the offers of a translation what drains, and says when that changes by
// itself; zero: never.
func (d *Drains) Apply(key types.NamespacedName, out *translate.Output, now time.Time) (again time.Time) {
	known := d.of[key]
	next := make(map[gslb.Name]*drained, len(out.Offers))
	offers := slices.Clone(out.Offers)
	for i, o := range offers {
		h := known[o.Host]
		first := h == nil
		if first {
			h = &drained{has: addressed(d.before(o.Source, o.Host))}
		}
		h.refuse(out.Refused)
		next[o.Host] = h
		kept, until := d.host(h, o, readinessOf(out, o.Host), now, first)
		if !until.IsZero() && (again.IsZero() || until.Before(again)) {
			again = until
		}
		if len(kept) > 0 {
			with := *o
			with.Entries, with.Reason = append(slices.Clone(o.Entries), kept...), ""
			offers[i] = &with
		}
	}
	d.of[key], out.Offers = next, offers
	return again
}

// refuse forgets addresses that must not be entries: they do not drain.
func (h *drained) refuse(addrs []netip.Addr) {
	if len(addrs) == 0 {
		return
	}
	h.has = slices.DeleteFunc(slices.Clone(h.has), func(e gslb.Entry) bool { return slices.Contains(addrs, e.Addr) })
	h.left = slices.DeleteFunc(h.left, func(l leftEntry) bool { return slices.Contains(addrs, l.entry.Addr) })
}

// readiness is health by the endpoints behind a host, and why.
type readiness struct {
	health gslb.Health
	reason gslb.Reason
}

func readinessOf(out *translate.Output, host gslb.Name) readiness {
	for i := range out.Hosts {
		if s := &out.Hosts[i]; s.Host == host {
			return readiness{s.Readiness, s.ReadinessReason}
		}
	}
	return readiness{reason: gslb.ReasonHealthUnknown}
}

// host notes what left a host and gives what of it stays, in the order of addresses.
func (d *Drains) host(h *drained, o *gslb.Offer, ready readiness, now time.Time, first bool) (kept []gslb.Entry, again time.Time) {
	has := addressed(o.Entries)
	for _, e := range h.has {
		if !hasAddr(o.Entries, e.Addr) {
			h.left = append(h.left, leftEntry{e, now, first, true})
		}
	}
	h.has = has
	for i := range h.left {
		h.left[i].last = h.left[i].last && len(has) == 0
	}
	h.left = slices.DeleteFunc(h.left, func(l leftEntry) bool {
		return hasAddr(o.Entries, l.entry.Addr) || now.Sub(l.at) >= max(d.hold, mostDrain)
	})
	for _, l := range h.left {
		until := l.at.Add(d.stays(o, &l))
		if !until.After(now) {
			continue
		}
		if again.IsZero() || until.Before(again) {
			again = until
		}
		e := l.entry
		e.Draining, e.Health, e.Reason = true, ready.health, ready.reason
		kept = append(kept, e)
	}
	slices.SortFunc(kept, func(a, b gslb.Entry) int { return a.Addr.Compare(b.Addr) })
	return kept, again
}

// stays is how long an address stays after it left.
func (d *Drains) stays(o *gslb.Offer, l *leftEntry) time.Duration {
	ask := &l.entry.Ask
	asked := o.Check != nil || d.asks && (ask.Scheme == "http" || ask.Scheme == "https")
	switch {
	case len(o.Entries) == 0 && l.first && o.Reason == gslb.ReasonAddressUnknown:
		return d.hold
	case len(o.Entries) == 0:
		return 0
	case l.last && !slices.ContainsFunc(o.Entries, func(e gslb.Entry) bool { return e.Addr.IsValid() }):
		return d.hold
	case asked:
		return min(time.Duration(o.Policy.TTL)*time.Second, mostDrain)
	}
	return 0
}

// addressed gives the entries with an address, but for those that drain.
func addressed(all []gslb.Entry) []gslb.Entry {
	return slices.DeleteFunc(slices.Clone(all), func(e gslb.Entry) bool { return !e.Addr.IsValid() || e.Draining })
}

func hasAddr(all []gslb.Entry, addr netip.Addr) bool {
	return slices.ContainsFunc(all, func(e gslb.Entry) bool { return e.Addr == addr })
}

// EntriesOf gives the entries that a World has of an object of cluster self: those of a
// saved World, or of another instance of the cluster. w may be nil: there is none yet.
func EntriesOf(w *gslb.World, self gslb.GeoTag, source gslb.Source, host gslb.Name) []gslb.Entry {
	if w == nil {
		return nil
	}
	h := w.Host(host)
	if h == nil {
		return nil
	}
	if p := h.Part(self); p != nil && p.Offer.Source == source {
		return p.Offer.Entries
	}
	return nil
}
