// SPDX-License-Identifier: Apache-2.0

package gslb

import (
	"maps"
	"slices"
)

// Numbers of the record types to which rules apply (IANA DNS Parameters,
// Resource Record TYPEs). Types without a rule are carried as they are.
const (
	typeA     = 1
	typeNS    = 2
	typeCNAME = 5
	typeSOA   = 6
	typeSIG   = 24
	typeAAAA  = 28
	typeNXT   = 30
	typeDNAME = 39
	typeOPT   = 41
	typeDS    = 43
	typeRRSIG = 46
	typeNSEC  = 47
	typeNSEC3 = 50
	typeParam = 51 // NSEC3PARAM
	typeCDS   = 59
	typeNone  = 65535 // reserved

	typeDNSKEY  = 48
	typeCDNSKEY = 60
)

// maxSet bounds the text of a set, with what each record has beside its data, so
// that an answer with all of it fits in a message (RFC 1035 §4.2.2): nowhere are
// data on the wire longer than in presentation format.
const (
	maxSet       = 64_000
	besideRecord = 16
)

// recordsOf is what one cluster states for a zone.
type recordsOf struct {
	cluster    GeoTag
	static     []Record
	challenges []Record
}

func (r recordsOf) equal(o recordsOf) bool {
	return r.cluster == o.cluster && slices.Equal(r.static, o.static) && slices.Equal(r.challenges, o.challenges)
}

// recordRules says what the records of a zone have to respect.
type recordRules struct {
	zone      Name
	zoneOf    func(Name) Name // the longest of our zones that holds a name
	isHost    func(Name) bool
	hostBelow func(Name) Name // the first host of the zone at the name or below; the zero Name if there is none
}

type recordKey struct {
	name Name
	typ  uint16
}

// unionRecords merges what the clusters state and takes out what breaks a rule,
// in this order; every cluster that hears the same comes to the same.
//
//	the name lies in another zone, or in none           | out
//	the name has the label _report                      | out
//	type SOA, DNAME, 0, OPT, 128–255, or of a signer    | out
//	CNAME, NS or DS at the zone's own name              | out
//	A, AAAA or CNAME at a host                          | out, the host is served
//	NS at or above a host                               | out, the host is served
//	NS at a wildcard                                    | out
//	more data than fit in a message                     | out
//	below a delegation: other than A and AAAA           | out
//	at a delegation: other than NS, DS, A and AAAA      | out
//	DS without a delegation                             | out
//	CNAME beside what is still there                    | out, the data are served
//	CNAME with two targets                              | the first cluster's is served
//
// A set that is out hides nothing: where a delegation is out, what it would have
// hidden is served.
func unionRecords(in []recordsOf, rules recordRules) *Records {
	sets, targets := collectRecords(in)
	r := &Records{}
	drop := func(k recordKey, why ConflictReason, with Name) {
		r.Conflicts = append(r.Conflicts, RecordConflict{Name: k.name, Type: k.typ, Clusters: sets[k].Clusters, Reason: why, With: with})
		delete(sets, k)
	}
	keys := slices.SortedFunc(maps.Keys(sets), compareKeys)
	for _, k := range keys {
		if why, with := rules.alone(k); why != "" {
			drop(k, why, with)
		} else if sets[k].size() > maxSet {
			drop(k, ConflictSize, Name{})
		}
	}
	for _, k := range keys {
		if _, ok := sets[k]; !ok {
			continue
		}
		switch cut := highestCut(sets, k.name, rules.zone); {
		case cut.IsZero():
			if k.typ == typeDS {
				drop(k, ConflictDS, Name{})
			}
		case k.typ == typeA, k.typ == typeAAAA:
		case k.name == cut && (k.typ == typeNS || k.typ == typeDS):
		default:
			drop(k, ConflictDelegated, cut)
		}
	}
	at := make(map[Name]int) // sets at a name
	for k := range sets {
		at[k.name]++
	}
	for _, k := range keys {
		s, ok := sets[k]
		if !ok || k.typ != typeCNAME {
			continue
		}
		switch {
		case at[k.name] > 1:
			drop(k, ConflictCNAME, Name{})
		case len(s.Data) > 1:
			r.Conflicts = append(r.Conflicts, RecordConflict{Name: k.name, Type: k.typ, Clusters: s.Clusters, Reason: ConflictTwoTargets})
			s.Data = targets[k.name]
		}
	}
	for _, k := range keys {
		if s, ok := sets[k]; ok {
			r.Sets = append(r.Sets, *s)
		}
	}
	slices.SortStableFunc(r.Conflicts, func(a, b RecordConflict) int {
		return compareKeys(recordKey{a.Name, a.Type}, recordKey{b.Name, b.Type})
	})
	if len(r.Sets) == 0 && len(r.Conflicts) == 0 {
		return nil
	}
	return r
}

func compareKeys(a, b recordKey) int {
	if c := a.name.Compare(b.name); c != 0 {
		return c
	}
	return int(a.typ) - int(b.typ)
}

// collectRecords groups records by name and type. Of each CNAME it also gives the
// target of the first cluster by geo tag.
func collectRecords(in []recordsOf) (map[recordKey]*RecordSet, map[Name][]string) {
	in = slices.SortedFunc(slices.Values(in), func(a, b recordsOf) int { return compareTags(a.cluster, b.cluster) })
	sets, targets := make(map[recordKey]*RecordSet), make(map[Name][]string)
	for _, c := range in {
		for _, rec := range slices.Concat(c.static, c.challenges) {
			k := recordKey{rec.Name, rec.Type}
			s := sets[k]
			if s == nil {
				s = &RecordSet{Name: rec.Name, Type: rec.Type, TTL: rec.TTL}
				sets[k] = s
			}
			if rec.Type == typeCNAME && (len(s.Clusters) == 0 || s.Clusters[0] == c.cluster) {
				targets[rec.Name] = []string{least(targets[rec.Name], rec.Data)}
			}
			s.TTL = min(s.TTL, rec.TTL)
			s.Data = append(s.Data, rec.Data)
			if !slices.Contains(s.Clusters, c.cluster) {
				s.Clusters = append(s.Clusters, c.cluster)
			}
		}
	}
	for _, s := range sets {
		slices.Sort(s.Data)
		s.Data = slices.Compact(s.Data)
	}
	return sets, targets
}

// least gives the first of two targets by text: the order in which a cluster
// states its records means nothing.
func least(have []string, data string) string {
	if len(have) > 0 && have[0] < data {
		return have[0]
	}
	return data
}

// size bounds the octets that the set takes in a message.
func (s *RecordSet) size() int {
	sum := 0
	for _, d := range s.Data {
		sum += len(d) + besideRecord
	}
	return sum
}

// alone judges a set by its name and type, without the other sets.
func (r *recordRules) alone(k recordKey) (ConflictReason, Name) {
	address := k.typ == typeA || k.typ == typeAAAA
	switch home := r.zoneOf(k.name); {
	case home != r.zone:
		return ConflictOutside, home
	case slices.Contains(k.name.Labels(), ReportLabel):
		return ConflictReserved, Name{}
	case !ServableType(k.typ):
		return ConflictType, Name{}
	case k.name == r.zone && (k.typ == typeCNAME || k.typ == typeNS || k.typ == typeDS):
		return ConflictApex, Name{}
	case (address || k.typ == typeCNAME) && r.isHost(k.name):
		return ConflictHost, k.name
	case k.typ == typeNS && k.name.IsWildcard():
		return ConflictWildcard, Name{}
	case k.typ == typeNS:
		if h := r.hostBelow(k.name); !h.IsZero() {
			return ConflictAboveHost, h
		}
	}
	return "", Name{}
}

// ServableType reports that records of a type can stand in a zone of ours
// (RFC 6895 §3.1: 128–255 ask for something, they are no data). DNAME is not
// synthesized from, and keys, signatures and proofs are made by who signs.
func ServableType(t uint16) bool {
	switch t {
	case 0, typeSOA, typeDNAME, typeOPT, typeSIG, typeNXT, typeRRSIG, typeNSEC, typeDNSKEY,
		typeNSEC3, typeParam, typeCDS, typeCDNSKEY, typeNone:
		return false
	}
	return t < 128 || t > 255
}

// highestCut gives the delegation nearest to the zone's own name that lies at a
// name or above it; the zero Name if there is none.
func highestCut(sets map[recordKey]*RecordSet, n, zone Name) Name {
	var cut Name
	for ; n.Below(zone); n = n.Parent() {
		if _, ok := sets[recordKey{n, typeNS}]; ok {
			cut = n
		}
	}
	return cut
}
