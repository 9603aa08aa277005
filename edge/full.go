// SPDX-License-Identifier: Apache-2.0

package edge

import (
	"net/netip"
	"slices"

	"github.com/meridian-gslb/meridian/gslb"
)

// maxNameServers bounds a delegation, whatever the edge serves.
const maxNameServers = 64

// FullDelegation is a delegation with the name servers of all clusters. Who
// publishes by [Objects] cannot add a record to a set that others write too:
// the set is replaced as a whole, so every cluster writes the same whole.
type FullDelegation struct {
	Zone        gslb.Name
	EdgeZone    gslb.Name
	NameServers []gslb.NameServer // by name; each lies in the edge zone and has addresses, sorted
	Reason      Reason            // why nothing is to be written; "": write
	Message     string            // the same for people; "" with Reason
}

// FullInput is everything that a full delegation is made of.
type FullInput struct {
	Own      Delegation        // as [Plan] has it
	Reported []gslb.NameServer // what clusters say of themselves, lost ones as last reported; none of those that left
	Lost     []gslb.GeoTag     // clusters that are silent: what they said last may be old
	Left     []gslb.GeoTag     // clusters that said goodbye
	Without  []gslb.GeoTag     // clusters that an operator takes out by hand

	Exists  bool              // our object is there
	Written []gslb.NameServer // what it says
	Read    bool              // the edge zone was read since we started
	Served  []gslb.NameServer // what it served when it was read last
}

// PlanFull says what our object should say. It is pure. A cluster is never taken
// out because it is silent, unknown or not yet heard, only when it left or an
// operator says so:
//
//	name server     | its cluster        | written or served | in the set | its addresses
//	ours            | addresses known    | any               | yes        | ours
//	ours            | addresses unknown  | yes               | yes        | as written, else as served
//	ours            | addresses unknown  | no                | –          | nothing is written at all
//	another's       | left, or “without” | any               | no         |
//	another's       | reports addresses  | any               | yes        | as reported
//	another's       | reported some, and | any               | yes        | as served, else as reported
//	                | is lost            |                   |            |
//	another's       | reports none, or   | yes               | yes        | as served, else as written
//	                | never heard        |                   |            |
//	another's       | reports none       | no                | no         |
//	of no cluster   | –                  | any               | no         |
//
// A cluster that is lost to us may live, and move: what its own ExternalDNS writes
// then is served, and holding against it what it said last would be for ever.
//
// A set that lacks clusters would take them out of the edge zone, so the first
// one is written only by who has seen which are there:
//
//	object there | edge zone read | we
//	yes          | any            | write: what it says is in the set
//	no           | yes            | write: what is served is in the set
//	no           | no             | write nothing
func PlanFull(in FullInput) FullDelegation {
	d := FullDelegation{Zone: in.Own.Zone, EdgeZone: in.Own.EdgeZone}
	if in.Own.Reason != "" && in.Own.Reason != ReasonAddressUnknown {
		d.Reason, d.Message = in.Own.Reason, in.Own.Message
		return d
	}
	if !in.Exists && !in.Read {
		d.Reason = ReasonUnreachable
		d.Message = "nothing is written before the edge zone was read once: a set without the clusters that are there would take them out"
		return d
	}
	own := in.Own.Addrs
	if len(own) == 0 {
		own = in.kept(in.Own.NameServer, in.Written, in.Served)
	}
	if len(own) == 0 {
		d.Reason, d.Message = in.Own.Reason, in.Own.Message
		return d
	}
	d.NameServers = append(in.others(), gslb.NameServer{
		Cluster: ClusterOf(in.Own.NameServer, d.Zone, d.EdgeZone), Name: in.Own.NameServer, Addrs: own,
	})
	slices.SortFunc(d.NameServers, byName)
	return d
}

// others gives the name servers of the other clusters.
func (in *FullInput) others() []gslb.NameServer {
	var out []gslb.NameServer
	for _, set := range [][]gslb.NameServer{in.Reported, in.Written, in.Served} {
		for _, ns := range set {
			tag := ClusterOf(ns.Name, in.Own.Zone, in.Own.EdgeZone)
			known := slices.ContainsFunc(out, func(o gslb.NameServer) bool { return o.Name == ns.Name })
			if tag == "" || known || ns.Name == in.Own.NameServer || slices.Contains(in.Left, tag) || slices.Contains(in.Without, tag) {
				continue
			}
			sources := [][]gslb.NameServer{in.Reported, in.Served, in.Written}
			if slices.Contains(in.Lost, tag) {
				sources[0], sources[1] = in.Served, in.Reported
			}
			addrs := in.kept(ns.Name, sources...)
			if len(addrs) > 0 && len(out) < maxNameServers-1 {
				out = append(out, gslb.NameServer{Cluster: tag, Name: ns.Name, Addrs: addrs})
			}
		}
	}
	return out
}

// kept gives the addresses of a name server in the first set that has any.
func (in *FullInput) kept(name gslb.Name, sets ...[]gslb.NameServer) []netip.Addr {
	for _, set := range sets {
		for _, ns := range set {
			if ns.Name == name && len(ns.Addrs) > 0 {
				return sortedAddrs(ns.Addrs)
			}
		}
	}
	return nil
}

func byName(a, b gslb.NameServer) int { return a.Name.Compare(b.Name) }

// withdrawn is the delegation without our part: what stays of our object when
// the zone is taken away from this cluster. Nothing of our own is needed for it.
func withdrawn(in FullInput) FullDelegation {
	d := FullDelegation{Zone: in.Own.Zone, EdgeZone: in.Own.EdgeZone, NameServers: in.others()}
	slices.SortFunc(d.NameServers, byName)
	return d
}

// fullPlan is what the World says of one zone, for an assembler.
type fullPlan struct {
	own        Delegation
	reported   []gslb.NameServer
	lost, left []gslb.GeoTag
}

// fullPlans gives the plans of zones.
func fullPlans(w *gslb.World, own []Delegation) []fullPlan {
	in := func(state gslb.Liveness) (tags []gslb.GeoTag) {
		for i := range w.Clusters {
			if w.Clusters[i].Liveness == state {
				tags = append(tags, w.Clusters[i].Tag)
			}
		}
		return tags
	}
	lost, left := in(gslb.Lost), in(gslb.Left)
	out := make([]fullPlan, 0, len(own))
	for _, d := range own {
		p := fullPlan{own: d, lost: lost, left: left}
		if z := w.Zone(d.Zone); z != nil {
			p.reported = z.NameServers
		}
		out = append(out, p)
	}
	return out
}
