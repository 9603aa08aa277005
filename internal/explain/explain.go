// SPDX-License-Identifier: Apache-2.0

// Package explain says what a host is answered and, for each entry of each
// cluster, why it is in or out, by the same decision as the DNS server's.
//
// It is used by the /explain endpoint of a running process and by `meridian
// explain` on a folder of manifests. It reads a World and nothing else.
package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
	"github.com/meridian-gslb/meridian/strategies"
)

// Explanation is why a host is answered as it is.
type Explanation struct {
	Host     string        `json:"host"`
	Asked    string        `json:"asked,omitempty"` // the name asked for, when a wildcard host answers it
	Zone     string        `json:"zone,omitempty"`
	Cluster  gslb.GeoTag   `json:"cluster"` // who explains
	Client   string        `json:"client,omitempty"`
	Strategy gslb.Strategy `json:"strategy"`
	From     gslb.GeoTag   `json:"policyFrom"` // whose policy is followed
	TTL      uint32        `json:"ttlSeconds"`
	Reason   gslb.Reason   `json:"reason"`
	Answers  []Answer      `json:"answers"`
	Entries  []Entry       `json:"entries"`
	Notes    []string      `json:"notes,omitempty"`
}

// Answer is one answer that is possible.
type Answer struct {
	Share     float64       `json:"sharePercent"`
	Clusters  []gslb.GeoTag `json:"clusters,omitempty"`
	Target    string        `json:"target,omitempty"` // answered as CNAME instead of the addresses, which are its
	Addresses []string      `json:"addresses"`        // empty: NODATA
}

// Entry is one entry and why it is in or out.
type Entry struct {
	Cluster  gslb.GeoTag `json:"cluster"`
	Liveness string      `json:"liveness"`
	Address  string      `json:"address"`
	In       bool        `json:"in"`
	Reason   gslb.Reason `json:"reason"`
	Until    time.Time   `json:"until,omitzero"` // it waits: when it counts again
	Since    time.Time   `json:"since,omitzero"` // by the clock of the entry's cluster
}

// Of explains a host in a World. The client is where the question comes from;
// no strategy of this version looks at it. The error says what would be right
// when the host is not there.
func Of(w *gslb.World, host gslb.Name, client netip.Addr) (*Explanation, error) {
	if w == nil || !w.Ready {
		return nil, fmt.Errorf("not ready: objects were not read completely, or a peer is still waited for")
	}
	h, asked := find(w, host)
	if h == nil || h.Zone.IsZero() {
		return nil, unknown(w, host)
	}
	d := strategies.Decide(h)
	x := &Explanation{
		Host: h.Name.String(), Asked: asked, Zone: h.Zone.String(), Cluster: w.Self,
		Strategy: h.Policy.Strategy, From: h.PolicyFrom, TTL: d.TTL, Reason: d.Reason,
		Answers: answers(&d), Entries: entries(h, &d), Notes: notes(w, h, &d),
	}
	if client.IsValid() {
		x.Client = client.String()
	}
	return x, nil
}

// find gives the host, or the wildcard host that answers for the name (RFC 4592
// §3.3.1: the closest encloser decides; a name below an existing one is not
// covered).
func find(w *gslb.World, n gslb.Name) (h *gslb.Host, asked string) {
	if h := w.Host(n); h != nil {
		return h, ""
	}
	for p := n.Parent(); !p.IsZero(); p = p.Parent() {
		if wild, err := gslb.ParseName("*." + p.String()); err == nil {
			if h := w.Host(wild); h != nil {
				return h, n.String()
			}
		}
		if exists(w, p) {
			return nil, ""
		}
	}
	return nil, ""
}

// exists reports that a name has data or descendants.
func exists(w *gslb.World, n gslb.Name) bool {
	if w.Zone(n) != nil {
		return true
	}
	for h := range w.Hosts() {
		if h.Name.In(n) {
			return true
		}
	}
	return false
}

func unknown(w *gslb.World, host gslb.Name) error {
	var zones []string
	for i := range w.Zones {
		zones = append(zones, w.Zones[i].Zone.String())
		if host.In(w.Zones[i].Zone) {
			if static := staticAt(&w.Zones[i], host); static != "" {
				return fmt.Errorf("%s is no host; static records stand there and are answered as they are: %s", host, static)
			}
			return fmt.Errorf("no cluster offers %s: apply a Gslb or annotate an Ingress with that host; where there is one, its conditions say what is wrong", host)
		}
	}
	if len(zones) == 0 {
		return fmt.Errorf("%s lies in no zone: this cluster serves none yet; give --zone or apply a ZoneDelegation", host)
	}
	return fmt.Errorf("%s lies in no zone of ours; zones are %s", host, strings.Join(zones, ", "))
}

// staticAt names the static records at a name and who states them; empty: none.
func staticAt(z *gslb.Zone, n gslb.Name) string {
	if z.Static == nil {
		return ""
	}
	var out []string
	for _, s := range z.Static.Sets {
		if s.Name == n {
			out = append(out, fmt.Sprintf("%s (%d, from %s)", rdata.TypeName(s.Type), len(s.Data), joinTags(s.Clusters)))
		}
	}
	return strings.Join(out, ", ")
}

func joinTags(tags []gslb.GeoTag) string {
	var out []string
	for _, t := range tags {
		out = append(out, string(t))
	}
	return strings.Join(out, ", ")
}

func answers(d *strategies.Decision) []Answer {
	var sum uint32
	for _, a := range d.Answers {
		sum += a.Weight
	}
	out := make([]Answer, 0, len(d.Answers))
	for _, a := range d.Answers {
		x := Answer{Target: a.Target, Clusters: a.Clusters, Addresses: []string{}, Share: 100 / float64(len(d.Answers))}
		if sum > 0 {
			x.Share = 100 * float64(a.Weight) / float64(sum)
		}
		for _, ip := range a.Addrs {
			x.Addresses = append(x.Addresses, ip.String())
		}
		out = append(out, x)
	}
	return out
}

func entries(h *gslb.Host, d *strategies.Decision) []Entry {
	out := make([]Entry, 0, len(d.Entries))
	for _, e := range d.Entries {
		x := Entry{Cluster: e.Cluster, Address: e.Addr.String(), In: e.In, Reason: e.Reason}
		p := h.Part(e.Cluster)
		x.Liveness = p.Liveness.String()
		if i := slices.IndexFunc(p.Offer.Entries, func(o gslb.Entry) bool { return o.Addr == e.Addr }); i >= 0 {
			x.Since, x.Until = p.Offer.Entries[i].Since, p.Offer.Entries[i].Until
		}
		if i := slices.IndexFunc(p.Entries, func(c gslb.Candidate) bool { return c.Addr == e.Addr && !c.Until.IsZero() }); i >= 0 {
			x.Until = p.Entries[i].Until
		}
		out = append(out, x)
	}
	for i := range h.Parts {
		p := &h.Parts[i]
		if len(p.Entries) == 0 {
			why := p.Offer.Reason
			if why == "" {
				why = gslb.ReasonAddressUnknown
			}
			out = append(out, Entry{Cluster: p.Cluster, Liveness: p.Liveness.String(), Address: "-", Reason: why})
		}
	}
	return out
}

func notes(w *gslb.World, h *gslb.Host, d *strategies.Decision) []string {
	var out []string
	if d.Pending {
		out = append(out, fmt.Sprintf("strategy %s is answered as roundRobin until it is built", h.Policy.Strategy))
	}
	for _, e := range entries(h, d) {
		if !e.Until.IsZero() {
			out = append(out, fmt.Sprintf("%s of cluster %s is healthy again, and waits until %s (%s); it is answered while nothing better serves",
				e.Address, e.Cluster, e.Until.UTC().Format(time.RFC3339), e.Reason))
		}
	}
	for _, t := range h.UnknownTags {
		out = append(out, fmt.Sprintf("the policy names cluster %q, which nobody has heard of", t))
	}
	for _, t := range h.Diverged {
		out = append(out, fmt.Sprintf("cluster %s asks for another policy; the one of %s is followed here", t, h.PolicyFrom))
	}
	for _, r := range h.Rivals {
		out = append(out, fmt.Sprintf("%s claims the host too, and does not have it", r))
	}
	out = append(out, fates(w, h)...)
	if slices.ContainsFunc(d.Entries, func(e strategies.EntryReason) bool { return e.Reason == gslb.ReasonProbesHeld }) {
		out = append(out, "the probes of most hosts of a cluster fail at once and nobody confirms it, so its entries count as healthy as before")
	}
	if !w.Isolated.IsZero() {
		keeps := "keeps its last good answers until"
		if !w.KeepsAnswers() {
			keeps = "kept its last good answers until"
		}
		out = append(out, fmt.Sprintf("this cluster is cut off since %s and %s %s", w.Isolated.Format(time.RFC3339), keeps, w.IsolatedUntil.Format(time.RFC3339)))
	}
	if !w.Unsought.IsZero() {
		out = append(out, fmt.Sprintf("the edge zone could not be read since the start and no other cluster called, so names that are not known here get SERVFAIL until %s", w.Unsought.UTC().Format(time.RFC3339)))
	}
	for i := range h.Parts {
		out = append(out, ofCluster(w.Cluster(h.Parts[i].Cluster), &h.Parts[i])...)
	}
	return out
}

// ofCluster says what the liveness of a cluster does not say.
func ofCluster(c *gslb.Cluster, p *gslb.Part) []string {
	var out []string
	if c != nil && c.Conflict != "" {
		out = append(out, c.Conflict+"; nothing new of its hosts is taken until one of them has another")
	}
	if c != nil && c.Liveness == gslb.Vouched {
		by := c.Witness.Kind.String()
		if c.Witness.By != "" {
			by += " " + string(c.Witness.By)
		}
		out = append(out, fmt.Sprintf("cluster %s has been silent since %s, and its offers stay, for somebody vouches for it: %s", c.Tag, c.Since.UTC().Format(time.RFC3339), by))
	}
	if p.Checked && p.Liveness == gslb.Lost {
		out = append(out, fmt.Sprintf("cluster %s is silent, but its entries answer for this host", p.Cluster))
	}
	if c != nil && !c.Unread.IsZero() {
		out = append(out, fmt.Sprintf("cluster %s calls this one, but its report has not been read since %s, so what it said then counts", c.Tag, c.Unread.UTC().Format(time.RFC3339)))
	}
	if p.Held {
		out = append(out, fmt.Sprintf("cluster %s does not offer the host any more; many vanished together, so what it offered is kept for a while", p.Cluster))
	}
	return out
}
