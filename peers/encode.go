// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// Kinds of records in a report.
const (
	kindCluster   = "cluster"
	kindNS        = "ns"
	kindHost      = "host"
	kindEntry     = "entry"
	kindRecord    = "record"
	kindChallenge = "challenge"
)

// removalsMeant is the word of a zone whose removals are meant.
const removalsMeant = "meant"

// Format is the major version of the report format that is written here.
const Format = 1

// hostnamesAsCNAME says that load balancers that have a name are answered by it.
const hostnamesAsCNAME = "cname"

// backendsBare says that no backend of the host is ready in the cluster.
const backendsBare = "none"

// Encode writes a report as a zone. Instance and Serial are taken from the
// report. The error names host and key of what does not fit in format 1.
func Encode(r *gslb.Report) (*Zone, error) {
	z, err := newZone(r.Cluster, r.Zone)
	if err != nil {
		return nil, err
	}
	head, err := encodeHeader(r)
	if err != nil {
		return nil, err
	}
	changes := map[string]*set{"": head}
	texts := recordsByName(r)
	for n := range texts {
		if r.Offers[n] == nil {
			s, err := encodeSet(n, nil, texts[n], r.Zone)
			if err != nil {
				return nil, err
			}
			changes[s.label] = s
		}
	}
	for n, o := range r.Offers {
		s, err := encodeSet(n, o, texts[n], r.Zone)
		if err != nil {
			return nil, err
		}
		changes[s.label] = s
	}
	z = z.with(changes, soa{instance: r.Instance, serial: r.Serial})
	if err := z.bounded(); err != nil {
		return nil, fmt.Errorf("report of zone %s: %w", r.Zone, err)
	}
	return z, nil
}

// encodeHeader writes what a report says of its cluster.
func encodeHeader(r *gslb.Report) (*set, error) {
	l := line{kind: kindCluster}
	l.put("v", strconv.Itoa(Format))
	l.put("tag", string(r.Cluster))
	l.put("id", r.ClusterID)
	l.put("instance", r.Instance)
	l.put("zone", r.Zone.String())
	l.put("edge", r.EdgeZone.String())
	l.putUint("public", uint64(r.Public))
	l.putUint("mark", r.Mark)
	l.putTime("blind", r.Blind)
	l.put("state", string(r.Announcement))
	l.putTags("hears", r.Hears)
	l.putTags("lost", r.Lost)
	l.putTags("disputed", r.Disputed)
	l.putTags("returned", r.Returned)
	l.put("asked", joinAsked(r.Asked))
	if r.RemovalsMeant {
		l.put("removals", removalsMeant)
	}
	s := &set{}
	s.add(&l)
	for i, ns := range r.NameServers {
		l := line{kind: kindNS}
		l.put("n", strconv.Itoa(i))
		l.put("name", ns.Name.String())
		l.put("cluster", string(ns.Cluster))
		l.putAddrs("addrs", plainAddrs(ns.Addrs))
		s.add(&l)
	}
	if _, err := parseHeader(s); err != nil {
		return nil, fmt.Errorf("report of zone %s: %w", r.Zone, err)
	}
	return s, nil
}

func (s *set) add(l *line) {
	d := l.rdata()
	s.txt = append(s.txt, d)
	s.size += len(d)
}

// encodeSet writes what a report says of one name: an offer (or nil) and
// records. What it gives is known to be readable.
func encodeSet(n gslb.Name, o *gslb.Offer, texts []*line, zone gslb.Name) (*set, error) {
	s := &set{label: hostLabel(n)}
	if o != nil {
		s.add(hostLine(o))
		for i := range o.Entries {
			s.add(entryLine(i, &o.Entries[i]))
		}
	}
	for _, l := range texts {
		s.add(l)
	}
	var err error
	if s.part, err = parsePart(s, zone); err != nil {
		return nil, err
	}
	if s.part.bad > 0 {
		return nil, fmt.Errorf("%s: %w", n, s.part.badWhy)
	}
	return s, nil
}

func hostLine(o *gslb.Offer) *line {
	l := &line{kind: kindHost}
	p := &o.Policy
	l.put("name", o.Host.String())
	l.put("kind", o.Source.Kind)
	l.put("namespace", o.Source.Namespace)
	l.put("object", o.Source.Name)
	l.putTime("created", o.Created)
	l.put("strategy", string(p.Strategy))
	l.put("primary", string(p.Primary))
	l.putTags("order", p.FailoverOrder)
	l.put("weights", joinWeights(p.Weights))
	l.putUint("ttl", uint64(p.TTL))
	if p.SplitBrain != 0 {
		l.put("splitbrain", p.SplitBrain.String())
	}
	if p.ReturnDelay != 0 {
		l.put("returndelay", p.ReturnDelay.String())
	}
	if p.CNAME {
		l.put("hostnames", hostnamesAsCNAME)
	}
	l.putUint("max", uint64(p.MaxAnswers))
	l.put("unhealthy", string(p.WhenAllUnhealthy))
	l.putAddrs("fallback", plainAddrs(p.Fallback))
	l.put("hash", p.Hash())
	l.put("override", string(o.Override))
	l.put("reason", string(o.Reason))
	l.put("needs", joinNeeds(o.DependsOn))
	if o.Bare {
		l.put("backends", backendsBare)
	}
	return l
}

// joinNeeds lists the clusters that a host depends on, as far as the format has room.
func joinNeeds(names []string) string {
	var all []string
	for _, n := range names {
		if n != "" && len(n) <= maxWord && !strings.Contains(n, ",") && len(all) < maxNeeds && utf8.ValidString(n) {
			all = append(all, n)
		}
	}
	return strings.Join(all, ",")
}

func joinAsked(all []gslb.Asked) string {
	s := ""
	for i, a := range all {
		if i > 0 {
			s += ","
		}
		s += string(a.Cluster) + ":" + strconv.Itoa(a.Answered) + ":" + strconv.Itoa(a.Silent)
	}
	return s
}

func joinWeights(ws []gslb.Weight) string {
	s := ""
	for i, w := range ws {
		if i > 0 {
			s += ","
		}
		s += string(w.Cluster) + ":" + strconv.Itoa(int(w.Weight))
	}
	return s
}

func entryLine(i int, e *gslb.Entry) *line {
	l := &line{kind: kindEntry}
	l.put("n", strconv.Itoa(i))
	if e.Addr.IsValid() {
		a := plainAddr(e.Addr)
		l.put("family", familyOf(a))
		l.put("addr", a.String())
	}
	l.put("hostname", e.Hostname)
	l.put("health", e.Health.String())
	l.put("reason", string(e.Reason))
	l.putTime("since", e.Since)
	l.putTime("until", e.Until)
	l.putUint("weight", uint64(e.Weight))
	l.putTags("owners", e.Owners)
	l.put("scheme", e.Ask.Scheme)
	l.putUint("port", uint64(e.Ask.Port))
	l.put("sni", e.Ask.SNI)
	l.put("path", e.Ask.Path)
	return l
}

func familyOf(a netip.Addr) string {
	if a.Is4() {
		return "4"
	}
	return "6"
}

// plainAddr gives the address as it would stand in an A or AAAA record.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func plainAddrs(in []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(in))
	for _, a := range in {
		if a.IsValid() {
			out = append(out, plainAddr(a))
		}
	}
	return out
}

// recordsByName groups the static and challenge records of a report by owner.
func recordsByName(r *gslb.Report) map[gslb.Name][]*line {
	out := make(map[gslb.Name][]*line)
	for _, g := range []struct {
		kind    string
		records []gslb.Record
	}{{kindRecord, r.Records}, {kindChallenge, r.Challenges}} {
		for i := range g.records {
			rec := &g.records[i]
			out[rec.Name] = append(out[rec.Name], recordLine(g.kind, i, rec))
		}
	}
	return out
}

func recordLine(kind string, i int, r *gslb.Record) *line {
	l := &line{kind: kind}
	l.put("n", strconv.Itoa(i))
	l.put("name", r.Name.String())
	l.put("type", rdata.TypeName(r.Type))
	l.putUint("ttl", uint64(r.TTL))
	l.put("data", r.Data)
	return l
}

// sortedByNumber puts numbered things back in their order.
func sortedByNumber[T any](in []numbered[T]) []T {
	if len(in) == 0 {
		return nil
	}
	slices.SortStableFunc(in, func(a, b numbered[T]) int { return a.n - b.n })
	out := make([]T, len(in))
	for i := range in {
		out[i] = in[i].value
	}
	return out
}

type numbered[T any] struct {
	n     int
	value T
}
