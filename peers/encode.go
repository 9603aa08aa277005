// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"slices"
	"strconv"

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
