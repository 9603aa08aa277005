// SPDX-License-Identifier: Apache-2.0

package gslb

// OwnReport is what this cluster tells the others of a zone; nil for a zone
// that we do not serve. Serial and Instance are the publisher's to fill in. Hosts of
// zones inside it are told as well: others may serve only this one.
func (w *World) OwnReport(zone Name) *Report {
	r := w.OwnHeader(zone)
	if r == nil {
		return nil
	}
	r.Offers = make(map[Name]*Offer)
	for h := range w.Hosts() {
		if !h.Zone.In(zone) {
			continue
		}
		if p := h.Part(w.Self); p != nil {
			r.Offers[h.Name] = p.Offer
		}
	}
	return r
}

// OwnHeader is [World.OwnReport] without the offers, whose price does not grow
// with the number of hosts; publishers follow the hosts by [World.Changed].
func (w *World) OwnHeader(zone Name) *Report {
	z := w.Zone(zone)
	if z == nil {
		return nil
	}
	r := w.OwnState()
	r.Zone, r.EdgeZone, r.Public = zone, z.EdgeZone, z.Serial
	r.Records, r.Challenges, r.RemovalsMeant = z.Records, z.Challenges, z.AllowRemoval || w.RemovalsMeant
	for _, ns := range z.NameServers {
		if ns.Cluster == w.Self {
			r.NameServers = append(r.NameServers, ns)
		}
	}
	return r
}

// OwnState is what of a report is of no zone: what this cluster says of itself and of others.
func (w *World) OwnState() *Report {
	r := &Report{
		Cluster: w.Self, ClusterID: w.SelfID, Asked: w.Asked,
		Mark: w.Local.Mark, Blind: w.Local.Blind, Announcement: w.Local.Announcement,
	}
	for i := range w.Clusters {
		if c := &w.Clusters[i]; c.Conflict != "" && c.Tag != w.Self {
			r.Disputed = append(r.Disputed, c.Tag)
		}
		switch c := &w.Clusters[i]; c.Liveness {
		case Fresh:
			r.Hears = append(r.Hears, c.Tag)
			if c.Returned {
				r.Returned = append(r.Returned, c.Tag)
			}
		case Lost:
			r.Lost = append(r.Lost, c.Tag)
		case Self, Unheard, Doubtful, Vouched, Left:
		}
	}
	return r
}
