// SPDX-License-Identifier: Apache-2.0

package answers

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-gslb/meridian/gslb"
)

// localLabel begins the first label of the name under which k8gb asks a cluster for
// its own addresses of a host: localtargets-app.cloud.example.com.
const localLabel = "localtargets-"

// local is what a cluster that runs k8gb gets for localtargets-HOST: the addresses of
// this cluster that are healthy, whatever the strategy makes of them.
type local struct {
	set *rrset // A records; nil: there are none, and the name does not exist
}

// localOnly reports that nothing else stands at the name, which would be answered
// instead.
func (n *node) localOnly() bool { return n.host == nil && n.static == nil && !n.apex }

// chooseLocal picks what localtargets-HOST answers. Without addresses the name does
// not exist, as a neighbour that runs k8gb expects, and no wildcard stands in for it.
func (f *Found) chooseLocal(qtype uint16) {
	switch set := f.node.local.set; {
	case set == nil && f.node.below > 0:
		f.Kind = NoData
	case set == nil:
		f.Kind, f.node = NXDomain, nil
	case qtype == dns.TypeA, qtype == dns.TypeANY:
		f.set = set
	default:
		f.Kind = NoData
	}
}

// localName gives the wire name of localtargets-HOST; "" where there can be none: the
// host is a wildcard or the apex of its zone, or its label has no room.
func localName(host, apex string) string {
	n := len(localLabel) + int(host[0])
	if host == apex || host[1] == '*' || n > 63 || len(host)+len(localLabel) > MaxName {
		return ""
	}
	return string(byte(n)) + localLabel + host[1:]
}

// reviseLocal brings what stands at localtargets-HOST up to the host; zone -1: the
// host is in none of our zones, or gone.
func (t *Table) reviseLocal(e *edit, key string, h *gslb.Host, zone int) {
	if zone < 0 || t.limits.NoLocalTargets || !incumbent(h, t.world.Self) {
		if n := e.base.get([]byte(key)); n != nil && n.host != nil {
			if name := localName(key, t.zones[n.zone].wire); name != "" {
				e.clearLocal(name)
			}
		}
		return
	}
	if name := localName(key, t.zones[zone].wire); name != "" && t.zoneOf([]byte(name)) == zone {
		e.add(name, zone).local = &local{t.packLocal(h)}
	}
}

// incumbent reports that the host comes from an object of k8gb here.
func incumbent(h *gslb.Host, self gslb.GeoTag) bool {
	p := h.Part(self)
	return p != nil && p.Offer.Incumbent
}

// clearLocal takes what localtargets-HOST answers away from a name, and the name with
// it if nothing else keeps it.
func (e *edit) clearLocal(key string) {
	if n := e.peek(key); n == nil || n.local == nil {
		return
	}
	n := e.own(key)
	n.local = nil
	e.prune(n)
}

// packLocal packs the addresses of our own cluster that are healthy; nil if there are
// none. k8gb knows IPv4 only.
func (t *Table) packLocal(h *gslb.Host) *rrset {
	var addrs []netip.Addr
	for _, c := range h.Part(t.world.Self).Entries {
		if c.Tier == gslb.TierHealthy && c.Addr.Is4() && !slices.Contains(addrs, c.Addr) {
			addrs = append(addrs, c.Addr)
		}
	}
	if len(addrs) == 0 {
		return nil
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	count := t.tallies.of(h.Zone, Answer, []gslb.GeoTag{t.world.Self})
	return packRing(addrs, t.limits.clamp(h.Policy.TTL), count)
}

// packRing packs addresses of IPv4 of which every answer holds all, as far as they fit.
func packRing(addrs []netip.Addr, ttl uint32, count *Tally) *rrset {
	s := &rrset{rrtype: dns.TypeA, size: 16, sum: 1}
	window := min(len(addrs), maxSection/s.size)
	ring := make([]byte, 0, (len(addrs)+window-1)*s.size)
	for i := range len(addrs) + window - 1 {
		ring = appendAddr(ring, s.rrtype, ttl, addrs[i%len(addrs)])
	}
	s.shares = []share{{until: 1, n: uint32(len(addrs)), window: uint32(window), size: uint32(s.size), ring: ring, tallies: []*Tally{count}}}
	return s
}
