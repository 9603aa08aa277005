// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	gslbv1beta1 "github.com/meridian-gslb/meridian/api/v1beta1"
	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// Bounds of what one cluster states, so that its report always fits.
const (
	// MaxRecords is how many static records a cluster states in all its zones.
	MaxRecords = 2048
	// maxData is the longest canonical text of one record's data, maxNameData that of all
	// records of one name with what each has beside it.
	maxData     = 8000
	maxNameData = 30_000
	besideData  = 128
)

// Stated says which field of which object states a record set, right or wrong in the
// eyes of the zone: that is for the World to say.
type Stated struct {
	Zone gslb.Name
	Name gslb.Name
	Type uint16
	On   gslb.Source
	Path string // "spec.records[3]"
}

type setKey struct {
	name gslb.Name
	typ  uint16
}

// recordBook collects the static records of all zones, in the order in which they have
// a right to be there. What breaks a rule is left out and becomes a finding.
type recordBook struct {
	zones  []Zone
	stated []Stated
	count  int
	text   map[gslb.Name]int // octets by name

	sets   map[setKey]gslb.Source    // who states a set first
	owners map[gslb.Name]gslb.Source // who states records of a name first; see [baseOf]
}

func newRecordBook(zones []Zone) *recordBook {
	return &recordBook{
		zones: zones, text: make(map[gslb.Name]int),
		sets: make(map[setKey]gslb.Source), owners: make(map[gslb.Name]gslb.Source),
	}
}

// recordSet is one set as an object writes it.
type recordSet struct {
	name gslb.Name
	typ  string
	ttl  uint32
	data []string
	on   gslb.Source
	path string
}

// ofDelegation takes the records of a ZoneDelegation into its zone.
func (b *recordBook) ofDelegation(z *Zone, zd *gslbv1beta1.ZoneDelegation) []Finding {
	var findings []Finding
	others := typesByName(zd.Spec.Records)
	for i := range zd.Spec.Records {
		r := &zd.Spec.Records[i]
		s := recordSet{typ: string(r.Type), ttl: ttlSeconds(r.TTLOrDefault()), on: zoneSource(zd), path: fmt.Sprintf("spec.records[%d]", i)}
		for _, value := range r.RData {
			s.data = append(s.data, string(value))
		}
		var err error
		reason := gslbv1beta1.ReasonInvalidSpec
		s.name, err = nameInZone(r.Name, z.Zone)
		if err == nil && r.Type == "CNAME" && len(others[r.Name]) > 1 { // RFC 1034 §3.6.2
			err = fmt.Errorf("a CNAME stands alone, and %s has %s too", r.Name, strings.Join(others[r.Name], ", "))
		}
		if err == nil {
			reason, err = b.take(z, &s)
		}
		if err != nil {
			findings = append(findings, zoneFinding(zd, reason, true, s.path, fmt.Sprintf("%v; the record is left out", err)))
		}
	}
	return findings
}

func typesByName(records []gslbv1beta1.Record) map[string][]string {
	types := make(map[string][]string, len(records))
	for i := range records {
		types[records[i].Name] = append(types[records[i].Name], string(records[i].Type))
	}
	return types
}

// nameInZone gives the absolute name of a relative one; "@" is the zone itself.
func nameInZone(relative string, zone gslb.Name) (gslb.Name, error) {
	if relative == "@" {
		return zone, nil
	}
	return gslb.ParseHost(relative + "." + zone.String())
}

// take reads a set and enters it into a zone. The error says what is wrong and what
// would be right; nothing of the set is taken then.
func (b *recordBook) take(z *Zone, s *recordSet) (reason string, err error) {
	typ, records, err := s.read()
	if err != nil {
		return gslbv1beta1.ReasonInvalidSpec, err
	}
	if z.Zone == s.name && (typ == typeCNAME || typ == typeNS || typ == typeDS) {
		return gslbv1beta1.ReasonInvalidSpec, fmt.Errorf("at the zone's own name %s no %s is possible: NS is Meridian's, DS stands in the parent zone, and a CNAME may not stand beside those", s.name, rdata.TypeName(typ))
	}
	if typ == typeNS && s.name.IsWildcard() {
		return gslbv1beta1.ReasonInvalidSpec, fmt.Errorf("a delegation at the wildcard %s is not possible: give the delegated name itself", s.name)
	}
	size := 0
	for i := range records {
		size += len(records[i].Data) + besideData
	}
	if b.text[s.name]+size > maxNameData {
		return gslbv1beta1.ReasonTooManyRecords, fmt.Errorf("the records of %s have more than %d octets together", s.name, maxNameData)
	}
	if b.count+len(records) > MaxRecords {
		return gslbv1beta1.ReasonTooManyRecords, fmt.Errorf("a cluster states at most %d records in all its zones", MaxRecords)
	}
	b.count += len(records)
	b.text[s.name] += size
	if k := (setKey{s.name, typ}); b.sets[k] == (gslb.Source{}) {
		b.sets[k] = s.on
	}
	if base := baseOf(s.name); b.owners[base] == (gslb.Source{}) {
		b.owners[base] = s.on
	}
	z.Records = append(z.Records, records...)
	b.stated = append(b.stated, Stated{Zone: z.Zone, Name: s.name, Type: typ, On: s.on, Path: s.path})
	return "", nil
}

// Numbers of the record types that rules are about.
const (
	typeNS    = 2
	typeCNAME = 5
	typeDS    = 43
)

// read gives the type and the records of a set, each once, in canonical form.
func (s *recordSet) read() (uint16, []gslb.Record, error) {
	typ, err := rdata.ParseType(s.typ)
	if err == nil {
		err = rdata.Servable(typ)
	}
	if err != nil {
		return 0, nil, err
	}
	if len(s.data) == 0 {
		return 0, nil, fmt.Errorf("a record set of type %s needs data", s.typ)
	}
	var records []gslb.Record
	for _, value := range s.data {
		data, err := rdata.Canonical(typ, strings.TrimSpace(value))
		if err != nil {
			return 0, nil, err
		}
		if len(data) > maxData {
			return 0, nil, fmt.Errorf("%d octets of data are too long; at most %d fit in a report", len(data), maxData)
		}
		r := gslb.Record{Name: s.name, Type: typ, TTL: s.ttl, Data: data}
		if !slices.Contains(records, r) {
			records = append(records, r)
		}
	}
	if typ == typeCNAME && len(records) > 1 {
		return 0, nil, fmt.Errorf("a CNAME has one target, and %d are given", len(records))
	}
	return typ, records, nil
}
