// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/meridian-gslb/meridian/gslb"
)

// Delegation is what the edge zone should hold of one zone as far as it is
// ours: an NS record and the glue of our name server.
type Delegation struct {
	Zone       gslb.Name
	EdgeZone   gslb.Name
	NameServer gslb.Name     // ours; it lies in the edge zone
	Addrs      []netip.Addr  // of our name server, sorted, without doubles
	Dead       []gslb.GeoTag // clusters whose name servers are to go, by tag; see gslb.Zone
	Lost       []gslb.GeoTag // clusters that are silent, and not dead yet, by tag
	Unmet      []gslb.GeoTag // of Dead: those that never signed a word here and may run k8gb
	Own        bool          // EdgeZone is a zone of ours too; see [ServedParent]
	Reason     Reason        // why nothing is published; "": publish
	Message    string        // the same for people; "" with Reason
	Blind      bool          // this process cannot read its objects: what it knows may be old
}

// Plan says what the edge zones should hold of ours, one Delegation for each
// zone of the World and in its order. It is pure. With a Reason nothing is to
// be written, and nothing that is there is to be removed.
func Plan(w *gslb.World) []Delegation {
	out := make([]Delegation, 0, len(w.Zones))
	for i := range w.Zones {
		out = append(out, planZone(w, &w.Zones[i]))
	}
	return out
}

func planZone(w *gslb.World, z *gslb.Zone) Delegation {
	d := Delegation{Zone: z.Zone, EdgeZone: z.EdgeZone, Own: ServedParent(w, z) != nil, Dead: z.Dead, Blind: isBlind(w)}
	for i := range w.Clusters {
		if c := &w.Clusters[i]; c.Liveness == gslb.Lost && !slices.Contains(z.Dead, c.Tag) {
			d.Lost = append(d.Lost, c.Tag)
		}
	}
	for _, tag := range z.Dead {
		if c := w.Cluster(tag); c == nil || c.ID == "" || c.K8gb {
			d.Unmet = append(d.Unmet, tag)
		}
	}
	ns, err := gslb.NameServerName(w.Self, z.Zone, z.EdgeZone)
	if err != nil {
		d.Reason, d.Message = ReasonInvalidName, err.Error()
		return d
	}
	d.NameServer = ns
	d.Addrs = sortedAddrs(z.Addrs)
	if c := w.Cluster(w.Self); c != nil && c.Conflict != "" {
		d.Reason, d.Message = ReasonGeoTagConflicted, c.Conflict
		return d
	}
	if len(d.Addrs) == 0 {
		d.Reason = ReasonAddressUnknown
		d.Message = "the addresses of this cluster's name server are not known yet: its Service has none; give --dns-address where it never will"
	}
	d.settle()
	return d
}

// isBlind reports that this process cannot read its objects, or goes on from a saved
// World and has not read them yet. Another instance of its cluster may know better.
func isBlind(w *gslb.World) bool { return w.Local.Restored || !w.Local.Blind.IsZero() }

// agrees reports that two plans publish the same.
func (d *Delegation) agrees(o Delegation) bool {
	return d.Zone == o.Zone && d.NameServer == o.NameServer && slices.Equal(d.Addrs, o.Addrs)
}

func sortedAddrs(in []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(in))
	for _, a := range in {
		if a.IsValid() {
			out = append(out, a.Unmap().WithZone(""))
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// ClusterOf gives the geo tag in the name of a name server, as
// [gslb.NameServerName] made it; "" for a name server that is not a cluster's.
func ClusterOf(ns, zone, edge gslb.Name) gslb.GeoTag {
	pattern, err := gslb.NameServerName("x", zone, edge)
	if err != nil {
		return ""
	}
	suffix := strings.TrimPrefix(pattern.String(), "gslb-ns-x")
	rest, ok := strings.CutPrefix(ns.String(), "gslb-ns-")
	if !ok {
		return ""
	}
	tag, ok := strings.CutSuffix(rest, suffix)
	if !ok {
		return ""
	}
	t, err := gslb.ParseGeoTag(tag)
	if err != nil {
		return ""
	}
	return t
}
